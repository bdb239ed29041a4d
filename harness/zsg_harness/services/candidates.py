"""The best rows of each column, collected block by block and settled once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

NEAR_TIE: Final = 1e-6
"""Proposals that differ by no more than this are decided by the float64 value. Their error is far smaller."""

Exact = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]


class Candidates:
    """For each of n columns the rows that may be among its best k: greatest value first, then lowest row.

    Until the end a column may hold more than k: what lies within a near-tie of its k-th value is not decided yet.
    """

    def __init__(self, columns: int, k: int) -> None:
        self._k = k
        self._floors = np.full(columns, -np.inf)
        self._column = np.empty(0, dtype=np.int64)
        self._row = np.empty(0, dtype=np.int64)
        self._value = np.empty(0, dtype=np.float64)

    def floors_with(self, block: NDArray[np.floating]) -> NDArray[np.float64]:
        """What a value of a new block `[b, n]` must reach to matter, float64 `[n]`."""
        floors = self._floors
        if len(block) > self._k and not np.isfinite(floors).all():
            kth = len(block) - self._k
            floors = np.maximum(floors, np.partition(block, kth, axis=0)[kth])
        return floors - 2 * NEAR_TIE

    def add(self, column: NDArray[np.int64], row: NDArray[np.int64], value: NDArray[np.floating]) -> None:
        """Add proposals, given as three arrays of one length, and forget what they outdo."""
        self._column = np.concatenate([self._column, column])
        self._row = np.concatenate([self._row, row])
        self._value = np.concatenate([self._value, value.astype(np.float64)])
        rank = self._sort()
        at_k = rank == self._k - 1
        self._floors[self._column[at_k]] = self._value[at_k]
        self._keep(self._value >= self._floors[self._column] - 2 * NEAR_TIE)

    def settle(self, exact: Exact) -> NDArray[np.int64]:
        """Decide the near-ties; returns the rows, int64 `[n, k]`.

        Args:
            exact: The float64 values of pairs of rows and columns.
        """
        self._sort()
        near = (np.diff(self._column) == 0) & (np.diff(self._value) >= -2 * NEAR_TIE)
        undecided = np.concatenate([near, [False]]) | np.concatenate([[False], near])
        self._value[undecided] = exact(self._row[undecided], self._column[undecided])
        self._keep(self._sort() < self._k)
        return self._row.reshape(len(self._floors), self._k)

    def _sort(self) -> NDArray[np.int64]:
        """Sort by column, then value, then row; returns each entry's rank in its column."""
        order = np.lexsort((self._row, -self._value, self._column))
        self._keep(order)
        starts = np.searchsorted(self._column, np.arange(len(self._floors)))
        return np.arange(len(order)) - starts[self._column]

    def _keep(self, which: NDArray[np.int64] | NDArray[np.bool_]) -> None:
        self._column, self._row, self._value = self._column[which], self._row[which], self._value[which]
