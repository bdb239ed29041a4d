"""The walk from each column's nearest remaining row to the next."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from zsg_harness.services.similarity.shortlist import Shortlist

_UNKNOWN: Final = 256
"""The length of a first list where nobody said how many rows will be picked."""
_SHARE: Final = 5
"""A column's list is so many times its share of the picks: what others take from it must not use it up."""
_HEAD: Final = 2
"""So many times its share are put in order at first; mostly the rest is not needed."""
_SHORTEST: Final = 32


class Ranking(Protocol):
    """What the cursor asks for its lists."""

    def shortlist(
        self, k: int, largest: bool, columns: NDArray[np.int64], rows: NDArray[np.int64] | None = None
    ) -> Shortlist:
        """The k nearest of `rows` (by default all) of some distinct columns."""


class ListCursor:
    """The registry's `Cursor`: a sorted list and a pointer for each distinct column.

    Columns that are equal share a list, since what remains is the same for all. A list that runs out is made anew
    over the rows that remain, and with it every other of which half is used: a pass over the rows costs nearly the
    same for one column as for many.
    """

    def __init__(
        self, ranking: Ranking, rows: int, column_of: NDArray[np.int64], largest: bool, picks: int | None
    ) -> None:
        self._ranking = ranking
        self._largest = largest
        self._list_of = column_of
        self._alive = np.ones(rows, dtype=np.bool_)
        lists = int(column_of.max()) + 1
        share = _UNKNOWN / _SHARE if picks is None else picks / lists
        self._length = min(max(math.ceil(_SHARE * share), _SHORTEST), rows, picks or rows)
        self._rows = np.empty((lists, 0), dtype=np.int64)
        self._ends = np.zeros(lists, dtype=np.int64)
        self._pointers = np.zeros(lists, dtype=np.int64)
        self._first: Shortlist | None = ranking.shortlist(self._length, largest, np.arange(lists))
        self._set(np.arange(lists), self._first.best(min(math.ceil(_HEAD * share), self._length)))

    def peek(self, column: int) -> int:
        """The nearest remaining row of a column, or -1."""
        own = self._list_of[column]
        rows, end = self._rows[own], self._ends[own]
        for pointer in range(self._pointers[own], end):
            if self._alive[rows[pointer]]:
                self._pointers[own] = pointer
                return int(rows[pointer])
        self._pointers[own] = end
        return self.peek(column) if self._extend() else -1

    def peek_all(self) -> NDArray[np.int64]:
        """The nearest remaining row of every column, int64 `[M]`."""
        moving = np.arange(len(self._ends))
        while len(moving):
            while (self._pointers[moving] == self._ends[moving]).any():
                if not self._extend():
                    return np.full(len(self._list_of), -1, dtype=np.int64)
            passed = ~self._alive[self._rows[moving, self._pointers[moving]]]
            moving = moving[passed]
            self._pointers[moving] += 1
        nearest: NDArray[np.int64] = self._rows[np.arange(len(self._ends)), self._pointers]
        return nearest[self._list_of]

    def remove(self, rows: Sequence[int] | NDArray[np.int64]) -> None:
        """Take rows out."""
        if isinstance(rows, np.ndarray):
            self._alive[rows] = False
        else:
            for row in rows:  # mostly one, for which it is the fastest way
                self._alive[row] = False

    def _extend(self) -> bool:
        """Lengthen lists, among them all that ran out; false if no row remains. A list may run out again at once."""
        if self._first is not None:
            self._set(np.arange(len(self._ends)), self._first.best(self._length))
            self._first = None
            return True
        remaining = np.flatnonzero(self._alive)
        if not len(remaining):
            return False
        used = np.flatnonzero(2 * self._pointers >= self._ends)
        self._length = min(2 * self._length, len(remaining))
        shortlist = self._ranking.shortlist(self._length, self._largest, used, remaining)
        self._pointers[used] = 0
        self._set(used, remaining[shortlist.best(self._length)])
        return True

    def _set(self, lists: NDArray[np.int64], rows: NDArray[np.int64]) -> None:
        """Set the rows of some lists, int64 `[len(lists), k]`."""
        missing = max(rows.shape[1] - self._rows.shape[1], 0)
        self._rows = np.pad(self._rows, ((0, 0), (0, missing)))
        self._rows[lists, : rows.shape[1]] = rows
        self._ends[lists] = rows.shape[1]
