"""The matrix file: what to compare, read and checked."""
