"""Who runs the cells: this process, or worker processes of this machine."""
