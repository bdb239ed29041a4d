"""Orders: made by a pipe of components, kept as files, compared with each other."""
