"""A new plugin: a whole distribution that passes its own tests, to be made one's own by editing one function."""
