"""Similarity of two embedding matrices, a block of rows at a time: exact decisions at the price of fast products.

`proposals` multiplies blocks in whichever arithmetic is fastest here and knows how far it may be off; whatever lies
within that margin of a decision is decided by the float64 value of `vectors`, then by the lowest row. So neither
arithmetic, block size, thread count nor device can change a result. `shortlist` finds the nearest rows of each column,
`reductions` the extremes and means of each row, `cursor` walks from one remaining row to the next.
"""

from zsg_harness.services.similarity.blockwise import BlockwiseSimilarity

__all__ = ["BlockwiseSimilarity"]
