"""Similarity of two embedding matrices, a block of rows at a time.

The arithmetic is canonical, so that every block size, thread count and device gives one order: float32 dots of
float32-normalised vectors by matrix product *propose*, and whatever lies within `NEAR_TIE` of a decision is decided by
the float64 dot of the same vectors, then by the lowest row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zsg_registry import Block, ContractError, Cursor, Measure, Neighbours, Reduction

NEAR_TIE: Final = 1e-6
_BLOCK: Final = 8192
_FIRST_LIST: Final = 256


class BlockwiseSimilarity:
    """The registry's `Similarity` in NumPy. See the module's docstring for the arithmetic."""

    def __init__(
        self,
        rows: NDArray[np.float32],
        columns: NDArray[np.float32],
        measure: Measure = "cosine",
        block_rows: int = _BLOCK,
    ) -> None:
        """Take two matrices `[N, d]` and `[M, d]`.

        Raises:
            ContractError: Their dimensions differ, one is empty, the measure is unknown, or a vector is not usable.
        """
        if rows.ndim != 2 or columns.ndim != 2 or rows.shape[1] != columns.shape[1]:
            raise ContractError(f"similarity needs matrices of one width, not {rows.shape} and {columns.shape}")
        if not len(rows) or not len(columns):
            raise ContractError("similarity needs at least one row and one column")
        if measure not in ("cosine", "euclidean"):
            raise ContractError(f"unknown measure {measure!r}: it is 'cosine' or 'euclidean'")
        self._rows = rows
        self._measure = measure
        self._block_rows = block_rows
        self._columns = self._prepare(columns)

    def blocks(self) -> Iterator[Block]:
        """Float32 similarities, in order of rows."""
        for start, values in self._proposals():
            yield Block(start, values.astype(np.float32, copy=False))

    def top_k(self, k: int, largest: bool = True) -> Neighbours:
        """The k nearest rows of every column (the farthest with `largest=False`)."""
        return self._top_k(min(k, len(self._rows)), largest, np.arange(len(self._columns)), None)

    def reduce(self, how: Reduction) -> NDArray[np.float64]:
        """For each row the least, mean or greatest similarity, float64 `[N]`, exact to 12 decimals."""
        if how not in ("min", "mean", "max"):
            raise ContractError(f"unknown reduction {how!r}: it is 'min', 'mean' or 'max'")
        parts = self._means() if how == "mean" else self._extremes(largest=how == "max")
        return np.round(np.concatenate(list(parts)), 12)

    def pairs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The float64 similarity of `rows[i]` to `columns[i]` for each i."""
        return self._exact(rows, columns)

    def cursor(self, largest: bool = True) -> Cursor:
        """A cursor over all rows."""
        return ListCursor(self, len(self._rows), len(self._columns), largest)

    def _prepare(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        vectors = np.ascontiguousarray(vectors, dtype=np.float32)
        if self._measure == "euclidean":
            return vectors
        norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors))
        if not np.all(norms > 0):
            raise ContractError("a vector is zero or not a number: it has no cosine")
        unit: NDArray[np.float32] = vectors / norms[:, None]
        return unit

    def _proposals(self) -> Iterator[tuple[int, NDArray[np.floating]]]:
        """Blocks of similarities whose error is far below `NEAR_TIE`."""
        if self._measure == "euclidean":
            columns = self._columns.astype(np.float64)
            squares = np.einsum("ij,ij->i", columns, columns)
        for start in range(0, len(self._rows), self._block_rows):
            rows = self._prepare(self._rows[start : start + self._block_rows])
            if self._measure == "cosine":
                yield start, rows @ self._columns.T
                continue
            # |r|² + |c|² − 2rc loses half the digits where r and c are close: float64 keeps enough of them.
            wide = rows.astype(np.float64)
            squared = np.einsum("ij,ij->i", wide, wide)[:, None] + squares - 2 * (wide @ columns.T)
            yield start, -np.sqrt(np.maximum(squared, 0))

    def _exact(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The float64 similarity of each pair; the same bits for a pair wherever it stands."""
        left = self._prepare(self._rows[rows]).astype(np.float64)
        right = self._columns[columns].astype(np.float64)
        if self._measure == "cosine":
            products: NDArray[np.float64] = (left * right).sum(axis=1)
            return products
        distances: NDArray[np.float64] = np.sqrt(((left - right) ** 2).sum(axis=1))
        return -distances

    def _means(self) -> Iterator[NDArray[np.float64]]:
        if self._measure == "euclidean":
            for _, values in self._proposals():
                yield values.mean(axis=1, dtype=np.float64)
            return
        # The mean of the dots is the dot with the mean: one exact product a row, whatever the number of columns.
        centre = self._columns.astype(np.float64).mean(axis=0)
        for start in range(0, len(self._rows), self._block_rows):
            rows = self._prepare(self._rows[start : start + self._block_rows])
            yield (rows.astype(np.float64) * centre).sum(axis=1)

    def _extremes(self, largest: bool) -> Iterator[NDArray[np.float64]]:
        sign = 1 if largest else -1
        for start, values in self._proposals():
            signed = sign * values
            row, column = np.nonzero(signed >= signed.max(axis=1, keepdims=True) - NEAR_TIE)
            exact = sign * self._exact(row + start, column)
            best = np.full(len(values), -np.inf)
            np.maximum.at(best, row, exact)
            yield sign * best

    def _top_k(self, k: int, largest: bool, columns: NDArray[np.int64], alive: NDArray[np.bool_] | None) -> Neighbours:
        """The k nearest rows that are alive of the given columns; k must not exceed the number of live rows."""
        sign = 1 if largest else -1
        best = _BestLists(len(columns), k)
        for start, values in self._proposals():
            signed = sign * values[:, columns]
            if alive is not None:
                signed[~alive[start : start + len(values)]] = -np.inf
            floor = best.floors
            if len(signed) > k and not np.isfinite(floor).all():
                floor = np.maximum(floor, np.partition(signed, len(signed) - k, axis=0)[len(signed) - k])
            row, column = np.nonzero((signed >= floor - NEAR_TIE) & np.isfinite(signed))
            best.merge(column, row + start, sign * self._exact(row + start, columns[column]))
        return Neighbours(best.rows, sign * best.values)


class _BestLists:
    """For each column the best k rows so far: greatest value first, then lowest row."""

    def __init__(self, columns: int, k: int) -> None:
        self.rows = np.full((columns, k), -1, dtype=np.int64)
        self.values = np.full((columns, k), -np.inf)

    @property
    def floors(self) -> NDArray[np.float64]:
        """What a value must reach to enter each list, float64 `[columns]`."""
        return self.values[:, -1]

    def merge(self, column: NDArray[np.int64], row: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        """Add entries, given as three arrays of one length."""
        n, k = self.rows.shape
        held = np.isfinite(self.values)
        all_columns = np.concatenate([np.nonzero(held)[0], column])
        all_rows = np.concatenate([self.rows[held], row])
        all_values = np.concatenate([self.values[held], value])
        order = np.lexsort((all_rows, -all_values, all_columns))
        sorted_columns = all_columns[order]
        rank = np.arange(len(order)) - np.searchsorted(sorted_columns, np.arange(n))[sorted_columns]
        kept = rank < k
        self.rows[:] = -1
        self.values[:] = -np.inf
        self.rows[sorted_columns[kept], rank[kept]] = all_rows[order][kept]
        self.values[sorted_columns[kept], rank[kept]] = all_values[order][kept]


class ListCursor:
    """The registry's `Cursor`: a sorted list and a pointer per column; a list that runs out is made anew, longer."""

    def __init__(self, similarity: BlockwiseSimilarity, rows: int, columns: int, largest: bool) -> None:
        self._similarity = similarity
        self._largest = largest
        self._alive = np.ones(rows, dtype=np.bool_)
        self._left = rows
        self._length = min(_FIRST_LIST, rows)
        everyone = np.arange(columns)
        self._lists = similarity._top_k(self._length, largest, everyone, None).rows
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
        fresh = self._similarity._top_k(size, self._largest, columns, self._alive).rows
        width = max(size, self._lists.shape[1])
        if width > self._lists.shape[1]:
            padding = np.full((len(self._lists), width - self._lists.shape[1]), -1, dtype=np.int64)
            self._lists = np.hstack([self._lists, padding])
        self._lists[columns] = -1
        self._lists[columns, :size] = fresh
        self._pointers[columns] = 0
