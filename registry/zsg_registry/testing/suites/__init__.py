"""What every plugin promises, as tests: a suite for each kind of component."""
