"""The nearest rows of each column: collected block by block, settled once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.services.similarity.proposals import Keys, Margin

TrueKeys = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
"""The float64 keys of pairs of a row and a column."""

ROOM: Final = 6
"""Entries of a line for each of the k that it is for: with more room, it is tidied up less often."""
_EMPTY: Final = -np.inf


class Shortlist:
    """For each of m columns the rows that may be among its best k: greatest key first, then lowest row.

    A table with a line per column, filled from the left by ascending rows. A line holds more than k rows as long as
    they are within the margin of its k-th key; where they get too many, their true keys decide.
    """

    def __init__(self, columns: int, k: int, true_keys: TrueKeys) -> None:
        self._k = k
        self._true_keys = true_keys
        self._margin = Margin(0, 0)
        self._floors = np.full((columns, 1), _EMPTY)
        self._filled = np.zeros(columns, dtype=np.int64)
        self._is_tight = True
        self._keys = np.full((columns, ROOM * k), _EMPTY)
        self._rows = np.zeros((columns, ROOM * k), dtype=np.int64)
        self._is_true = np.zeros((columns, ROOM * k), dtype=np.bool_)

    def add(self, block: Keys) -> None:
        """Keep what a block has to offer. Blocks come in order of rows."""
        found = block.reaching(self._raised_floors)
        counts = np.bincount(found.column, minlength=len(self._filled))
        if (self._filled + counts).max() > self._keys.shape[1]:
            self._tighten()
            self._widen(int((self._filled + counts).max()))
        # Found keys are sorted by column: each goes behind what its line holds, and behind those found before it.
        place = np.arange(len(found.column)) + np.repeat(self._filled - _begins(counts), counts)
        self._keys[found.column, place] = found.key
        self._rows[found.column, place] = found.row
        self._filled += counts
        self._is_tight = False

    def best(self, count: int) -> NDArray[np.int64]:
        """The best rows of each column, in order, int64 `[m, count]`; count is at most k, and as many were offered."""
        return np.take_along_axis(self._rows, self._best(count), axis=1)

    def best_with_keys(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """`best`, and the true key of each of them, float64 `[m, count]`."""
        best = self._best(count)
        self._decide(_scattered(best, np.ones(best.shape, dtype=np.bool_), int(self._filled.max())))
        return np.take_along_axis(self._rows, best, axis=1), np.take_along_axis(self._keys, best, axis=1)

    def _best(self, count: int) -> NDArray[np.int64]:
        """Where the best rows are in their lines, in order, int64 `[m, count]`."""
        self._tighten()
        table = self._keys[:, : self._filled.max()]
        order = np.argsort(-table, axis=1)
        keys = np.take_along_axis(table, order, axis=1)
        # A key that is too near to a neighbour is undecided; its true value then sorts it among the others.
        with np.errstate(invalid="ignore"):  # behind the end of a line -inf is compared with itself
            near = keys[:, :-1] - keys[:, 1:] <= self._margin.around(keys[:, :-1])
        undecided = np.zeros(keys.shape, dtype=np.bool_)
        undecided[:, :-1] |= near
        undecided[:, 1:] |= near
        last = keys[:, [count - 1]]
        matters = np.isfinite(keys) & (keys >= last - self._margin.around(last))
        self._decide(_scattered(order, undecided & matters))
        return np.argsort(-table, axis=1, kind="stable")[:, :count]

    def _raised_floors(self, keys: Keys) -> torch.Tensor:
        """What a key must reach, float64 `[m, 1]`; before there are k rows, according to the block itself."""
        if keys.margin.absolute > self._margin.absolute:
            self._margin = keys.margin
        if self._filled.min() < self._k <= keys.values.shape[1]:
            self._raise(keys.kth_greatest(self._k))
        return torch.from_numpy(self._floors)

    def _raise(self, kth: NDArray[np.float64]) -> None:
        """Raise the floors to what is certain of the k-th greatest keys of some rows, float64 `[m, 1]`."""
        sure = np.where(np.isfinite(kth), kth - self._margin.around(np.where(np.isfinite(kth), kth, 0)), _EMPTY)
        self._floors = np.maximum(self._floors, sure)

    def _tighten(self) -> None:
        """Drop what is certain not to be among the best k."""
        if self._is_tight:
            return
        table = self._keys[:, : max(self._filled.max(), self._k)]
        self._raise(np.partition(table, -self._k, axis=1)[:, [-self._k]])
        self._keep((table >= self._floors) & np.isfinite(table))
        if self._filled.max() > ROOM * self._k // 2:
            table = self._keys[:, : self._filled.max()]
            self._decide(np.isfinite(table))
            best = np.argsort(-table, axis=1, kind="stable")[:, : self._k]
            self._keep(_scattered(best, np.isfinite(np.take_along_axis(table, best, axis=1)), table.shape[1]))
        self._is_tight = True

    def _decide(self, which: NDArray[np.bool_]) -> None:
        """Replace some keys, bool `[m, at most width]`, by the true ones."""
        line, place = np.nonzero(which & ~self._is_true[:, : which.shape[1]])
        self._keys[line, place] = self._true_keys(self._rows[line, place], line)
        self._is_true[line, place] = True

    def _keep(self, which: NDArray[np.bool_]) -> None:
        """Move some entries, bool `[m, at most width]`, to the left of their lines, and drop the others."""
        keys, rows, is_true = (table[:, : which.shape[1]][which] for table in (self._keys, self._rows, self._is_true))
        self._filled = which.sum(axis=1)
        line = np.repeat(np.arange(len(which)), self._filled)
        place = np.arange(len(line)) - np.repeat(_begins(self._filled), self._filled)
        self._keys.fill(_EMPTY)
        self._is_true.fill(False)
        self._keys[line, place], self._rows[line, place], self._is_true[line, place] = keys, rows, is_true

    def _widen(self, width: int) -> None:
        """Make room for lines of `width` entries."""
        missing = max(width - self._keys.shape[1], 0)
        self._keys = np.pad(self._keys, ((0, 0), (0, missing)), constant_values=_EMPTY)
        self._rows = np.pad(self._rows, ((0, 0), (0, missing)))
        self._is_true = np.pad(self._is_true, ((0, 0), (0, missing)))


def _begins(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where each part begins when parts of these lengths follow one another."""
    begins: NDArray[np.int64] = np.cumsum(counts) - counts
    return begins


def _scattered(positions: NDArray[np.int64], flags: NDArray[np.bool_], width: int | None = None) -> NDArray[np.bool_]:
    """Flags of positions in lines as flags of the lines, bool `[m, width]`."""
    lines = np.zeros((len(positions), width or positions.shape[1]), dtype=np.bool_)
    np.put_along_axis(lines, positions, flags, axis=1)
    return lines
