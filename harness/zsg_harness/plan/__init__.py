"""The plan: every cell of a matrix, with an identity and what is to be done about it."""
