"""The walk from each column's nearest remaining row to the next."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

_FIRST_LIST: Final = 256


class Ranking(Protocol):
    """What the cursor asks for its lists."""

    def nearest_rows(
        self, k: int, largest: bool, columns: NDArray[np.int64], alive: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """The k nearest rows that are alive of each of some columns, int64 `[len(columns), k]`."""


class ListCursor:
    """The registry's `Cursor`: a sorted list and a pointer per column; a list that runs out is made anew, longer."""

    def __init__(self, similarity: Ranking, rows: int, columns: int, largest: bool) -> None:
        self._similarity = similarity
        self._largest = largest
        self._alive = np.ones(rows, dtype=np.bool_)
        self._left = rows
        self._length = min(_FIRST_LIST, rows)
        everyone = np.arange(columns)
        self._lists = similarity.nearest_rows(self._length, largest, everyone, None)
        self._pointers = np.zeros(columns, dtype=np.int64)

    def peek(self, column: int) -> int:
        """The nearest remaining row of a column, or -1."""
        return int(self._advance(np.array([column]))[0])

    def peek_all(self) -> NDArray[np.int64]:
        """The nearest remaining row of every column, int64 `[M]`."""
        return self._advance(np.arange(len(self._pointers)))

    def remove(self, rows: Sequence[int] | NDArray[np.int64]) -> None:
        """Take rows out."""
        gone = np.unique(np.asarray(rows, dtype=np.int64))
        self._left -= int(self._alive[gone].sum())
        self._alive[gone] = False

    def _advance(self, columns: NDArray[np.int64]) -> NDArray[np.int64]:
        if self._left == 0:
            return np.full(len(columns), -1, dtype=np.int64)
        moving = columns
        while len(moving):
            inside = self._pointers[moving] < self._lists.shape[1]
            if not inside.all():
                self._extend(moving[~inside])
            rows = self._lists[moving, self._pointers[moving]]
            # A list that was made when few rows were left ends with -1; nothing behind it remains.
            passed = (rows < 0) | ~self._alive[rows]
            self._pointers[moving[passed]] += 1
            moving = moving[passed]
        return self._lists[columns, self._pointers[columns]]

    def _extend(self, columns: NDArray[np.int64]) -> None:
        """Make the lists of exhausted columns anew over the rows that remain."""
        self._length = min(2 * self._length, len(self._alive))
        size = min(self._length, self._left)
        fresh = self._similarity.nearest_rows(size, self._largest, columns, self._alive)
        width = max(size, self._lists.shape[1])
        if width > self._lists.shape[1]:
            padding = np.full((len(self._lists), width - self._lists.shape[1]), -1, dtype=np.int64)
            self._lists = np.hstack([self._lists, padding])
        self._lists[columns] = -1
        self._lists[columns, :size] = fresh
        self._pointers[columns] = 0
