"""Similarity of two embedding matrices, a block of rows at a time.

The arithmetic is canonical, so that every block size, thread count and device gives one order: float32 dots of
float32-normalised vectors by matrix product *propose*, and whatever lies within `NEAR_TIE` of a decision is decided by
the float64 dot of the same vectors, then by the lowest row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zsg_harness.services.candidates import NEAR_TIE, Candidates
from zsg_harness.services.cursor import ListCursor
from zsg_registry import Block, ContractError, Cursor, Measure, Neighbours, Reduction

_BLOCK: Final = 8192
_PAIRS: Final = 65_536


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
        columns = np.arange(len(self._columns))
        rows = self.nearest_rows(min(k, len(self._rows)), largest, columns, None)
        values = self._exact(rows.ravel(), np.repeat(columns, rows.shape[1]))
        return Neighbours(rows, values.reshape(rows.shape))

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
        # In float64 and rounded once: float32 sums depend on the machine's vector width.
        wide = vectors.astype(np.float64)
        norms = np.sqrt((wide * wide).sum(axis=1, keepdims=True))
        if not np.all(norms > 0):
            raise ContractError("a vector is zero or not a number: it has no cosine")
        unit: NDArray[np.float32] = (wide / norms).astype(np.float32)
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
        parts = [
            self._exact_part(rows[start : start + _PAIRS], columns[start : start + _PAIRS])
            for start in range(0, len(rows), _PAIRS)
        ]
        return np.concatenate(parts) if parts else np.empty(0)

    def _exact_part(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
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

    def nearest_rows(
        self, k: int, largest: bool, columns: NDArray[np.int64], alive: NDArray[np.bool_] | None
    ) -> NDArray[np.int64]:
        """The k nearest rows that are alive of each of some columns, int64 `[len(columns), k]`.

        Args:
            k: At most the number of live rows.
            largest: Nearest rather than farthest.
            columns: Which columns.
            alive: bool `[N]`, or None for all.
        """
        sign = 1 if largest else -1
        candidates = Candidates(len(columns), k)
        for start, values in self._proposals():
            signed = sign * values[:, columns]
            if alive is not None:
                signed[~alive[start : start + len(values)]] = -np.inf
            row, column = np.nonzero((signed >= candidates.floors_with(signed)) & np.isfinite(signed))
            candidates.add(column, row + start, signed[row, column])
        return candidates.settle(lambda row, column: sign * self._exact(row, columns[column]))
