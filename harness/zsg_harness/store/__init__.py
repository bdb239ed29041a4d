"""Where results live: a directory of cells, each written once and never changed."""
