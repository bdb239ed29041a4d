"""What the installed plugins say of themselves: whether they can be used, and what can be set."""
