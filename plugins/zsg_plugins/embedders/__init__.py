"""First-party embedders."""
