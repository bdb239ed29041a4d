"""First-party vector transforms."""
