"""The contamination guard: on for every cell, it tells which scored examples the training pool has too.

`words` makes texts comparable, `near` finds those that are nearly the same, `guard` finds all kinds, once for a pool
and an evaluation set. `similar` adds what an embedder takes for the same. `findings` is what was found, by position,
and `account` what a cell keeps of it.
"""

from typing import Final

REVISION: Final = 1
"""Raised when the guard finds something else than before: what it drops changes the results of cells."""
