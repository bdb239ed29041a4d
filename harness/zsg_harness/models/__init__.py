"""Base models: the bundled one, a folder, or one of the hub."""
