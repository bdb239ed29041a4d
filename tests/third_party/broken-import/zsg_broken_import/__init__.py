"""A plugin whose author forgot a dependency."""

raise ImportError("this plugin needs 'a-package-nobody-has'")
