"""`plugins check`: the conformance suites on every plugin of a distribution, in a process of their own."""
