"""First-party transforms of orders."""
