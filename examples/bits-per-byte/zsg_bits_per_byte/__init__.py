"""For zsg-harness: the loss in bits per byte of text, a column and a message made of it."""

OUTPUT = "bits_per_byte"
"""What the metric yields, and the column of the leaderboard that holds it."""
