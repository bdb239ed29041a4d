"""The optimizer's loop: what it consumes, how it updates, what it saves."""
