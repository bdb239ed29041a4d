"""The life of one cell: its examples, its order, its training, its records."""
