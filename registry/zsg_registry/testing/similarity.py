"""`Similarity` by the book: every value is computed, in float64, and kept."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from zsg_registry.context import Block, Cursor, Measure, Neighbours, Reduction, Similarity
from zsg_registry.errors import ContractError


class NaiveSimilarity(Similarity):
    """The dense N × M matrix that the harness never builds, and the plainest code over it.

    A value is the float64 dot of two float32 vectors (for "cosine" normalised in float64, then rounded), or minus
    their Euclidean distance, to 12 decimals. Equal values fall to the lowest row.
    """

    def __init__(
        self,
        rows: NDArray[np.float32],
        columns: NDArray[np.float32],
        measure: Measure = "cosine",
        block_rows: int | None = None,
    ) -> None:
        if measure == "cosine":
            rows, columns = _normalised(rows), _normalised(columns)
        self._block_rows = block_rows or max((len(rows) + 1) // 2, 1)
        value = _dots if measure == "cosine" else _minus_distances
        self._values = np.empty((len(rows), len(columns)), dtype=np.float64)
        for column, vector in enumerate(columns):
            self._values[:, column] = np.round(value(rows.astype(np.float64), vector.astype(np.float64)), 12)

    def blocks(self) -> Iterator[Block]:
        """By default two blocks, so that a plugin that expects a single one is found out."""
        for start in range(0, len(self._values), self._block_rows):
            yield Block(start, self._values[start : start + self._block_rows].astype(np.float32))

    def top_k(self, k: int, largest: bool = True) -> Neighbours:
        """A full stable sort of each column."""
        keys = -self._values if largest else self._values
        rows = np.argsort(keys, axis=0, kind="stable")[:k].T
        return Neighbours(rows, np.take_along_axis(self._values.T, rows, axis=1))

    def reduce(self, how: Reduction) -> NDArray[np.float64]:
        """A reduction of each row of the matrix; means too are rounded."""
        reduced: NDArray[np.float64] = getattr(self._values, how)(axis=1)
        return np.round(reduced, 12)

    def pairs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """Entries of the matrix."""
        return self._values[rows, columns]

    def cursor(self, largest: bool = True, picks: int | None = None) -> NaiveCursor:
        """A cursor that scans a whole column at each call."""
        return NaiveCursor(self._values if largest else -self._values)


class NaiveCursor(Cursor):
    """Finds the greatest value of a column among the rows that remain."""

    def __init__(self, values: NDArray[np.float64]) -> None:
        self._values = values
        self._remains = np.ones(len(values), dtype=bool)

    def peek(self, column: int) -> int:
        """The lowest of the best remaining rows."""
        if not self._remains.any():
            return -1
        return int(np.argmax(np.where(self._remains, self._values[:, column], -np.inf)))

    def peek_all(self) -> NDArray[np.int64]:
        """`peek` of every column."""
        return np.array([self.peek(column) for column in range(self._values.shape[1])], dtype=np.int64)

    def remove(self, rows: Sequence[int] | NDArray[np.int64]) -> None:
        """Take rows out, for every column."""
        self._remains[rows] = False


def _normalised(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    wide = vectors.astype(np.float64)
    norms = np.sqrt((wide * wide).sum(axis=-1, keepdims=True))
    if not np.all(norms > 0):
        raise ContractError("a vector is zero or not a number: it has no cosine")
    unit: NDArray[np.float64] = wide / norms
    return unit.astype(np.float32)


def _dots(rows: NDArray[np.float64], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    dots: NDArray[np.float64] = (rows * vector).sum(axis=-1)
    return dots


def _minus_distances(rows: NDArray[np.float64], vector: NDArray[np.float64]) -> NDArray[np.float64]:
    distances: NDArray[np.float64] = np.sqrt(((rows - vector) ** 2).sum(axis=-1))
    return -distances
