"""The registry's `Similarity`, fast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.services.similarity.cursor import ListCursor
from zsg_harness.services.similarity.proposals import Proposer
from zsg_harness.services.similarity.reductions import cosine_means, summaries
from zsg_harness.services.similarity.shortlist import ROOM, Shortlist
from zsg_harness.services.similarity.vectors import Vectors, exact
from zsg_registry import Block, ContractError, Cursor, Measure, Neighbours, Reduction

_TABLE: Final = 2**23
"""Entries of the shortlists that are kept at a time, 16 bytes each."""
_ROWS_PER_CANDIDATE: Final = 500
"""With fewer rows for each row of a shortlist, deciding what bfloat16 leaves open costs more than it saved."""


class BlockwiseSimilarity:
    """The similarity of N rows to M columns. Rows may be memory-mapped; equal columns are computed once."""

    def __init__(
        self,
        rows: NDArray[np.float32],
        columns: NDArray[np.float32],
        measure: Measure = "cosine",
        *,
        device: torch.device | None = None,
        block_rows: int | None = None,
        half: bool | None = None,
    ) -> None:
        """Take two matrices `[N, d]` and `[M, d]`.

        Args:
            rows: The rows.
            columns: The columns.
            measure: "cosine" or "euclidean".
            device: Where blocks are multiplied; by default the CPU.
            block_rows: Rows of a block; by default what is fastest.
            half: Propose in bfloat16; by default where that is faster. No result depends on it, nor on the above.

        Raises:
            ContractError: Their dimensions differ, one is empty, the measure is unknown, or a vector is not usable.
        """
        if rows.ndim != 2 or columns.ndim != 2 or rows.shape[1] != columns.shape[1]:
            raise ContractError(f"similarity needs matrices of one width, not {rows.shape} and {columns.shape}")
        if not len(rows) or not len(columns):
            raise ContractError("similarity needs at least one row and one column")
        if measure not in ("cosine", "euclidean"):
            raise ContractError(f"unknown measure {measure!r}: it is 'cosine' or 'euclidean'")
        self._rows = Vectors(rows, measure)
        first, self._column_of = _distinct(columns)
        self._weights = np.bincount(self._column_of)
        self._columns = Vectors(columns[first], measure).single(slice(None))
        self._proposer = Proposer(self._rows, self._columns, device or torch.device("cpu"), block_rows, half)
        self._reduced: dict[Reduction, NDArray[np.float64]] = {}

    def blocks(self) -> Iterator[Block]:
        """Float32 similarities, in order of rows."""
        if self._rows.measure == "euclidean":
            for start, values in self._euclidean():
                yield Block(start, values.astype(np.float32)[:, self._column_of])
            return
        for keys in self._proposer.stream():
            yield Block(keys.start, keys.values.cpu().numpy()[self._column_of].T)

    def top_k(self, k: int, largest: bool = True) -> Neighbours:
        """The k nearest rows of every column (the farthest with `largest=False`)."""
        k = min(k, len(self._rows))
        columns = np.arange(len(self._columns))
        at_once = max(_TABLE // (ROOM * k), 1)
        parts = [columns[start : start + at_once] for start in range(0, len(columns), at_once)]
        found = [self.shortlist(k, largest, part).best_with_keys(k) for part in parts]
        rows, keys = (np.concatenate(part) for part in zip(*found, strict=True))
        values = keys if largest else -keys
        if self._rows.measure == "euclidean":  # the root of a key is not to the last digit what it was the square of
            values = exact(self._rows, self._columns, rows.ravel(), np.repeat(columns, k)).reshape(rows.shape)
        return Neighbours(rows[self._column_of], values[self._column_of])

    def reduce(self, how: Reduction) -> NDArray[np.float64]:
        """For each row the least, mean or greatest similarity, float64 `[N]`, exact to 12 decimals."""
        if how not in ("min", "mean", "max"):
            raise ContractError(f"unknown reduction {how!r}: it is 'min', 'mean' or 'max'")
        if how not in self._reduced:
            self._reduced |= self._reduce(how)
        return self._reduced[how].copy()

    def pairs(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.float64]:
        """The float64 similarity of `rows[i]` to `columns[i]` for each i, to 12 decimals."""
        return exact(self._rows, self._columns, np.asarray(rows), self._column_of[columns])

    def cursor(self, largest: bool = True, picks: int | None = None) -> Cursor:
        """A cursor over all rows."""
        return ListCursor(self, len(self._rows), self._column_of, largest, picks)

    def shortlist(
        self, k: int, largest: bool, columns: NDArray[np.int64], rows: NDArray[np.int64] | None = None
    ) -> Shortlist:
        """The k nearest rows of some distinct columns.

        Args:
            k: At most the number of rows.
            largest: Nearest rather than farthest.
            columns: Which of the distinct columns.
            rows: Which rows, ascending; by default all. The shortlist has positions in it.
        """
        sign = 1 if largest else -1

        def true_keys(row: NDArray[np.int64], column: NDArray[np.int64]) -> NDArray[np.float64]:
            values = exact(self._rows, self._columns, row if rows is None else rows[row], columns[column])
            return sign * (values if self._rows.measure == "cosine" else -(values**2) / 2)

        total = len(self._rows) if rows is None else len(rows)
        shortlist = Shortlist(len(columns), k, true_keys)
        half = self._proposer.half_if(total > _ROWS_PER_CANDIDATE * k)
        for keys in self._proposer.stream(sign, columns=columns, rows=rows, half=half):
            shortlist.add(keys)
        return shortlist

    def _reduce(self, how: Reduction) -> dict[Reduction, NDArray[np.float64]]:
        if how != "mean":
            parts = summaries(self._rows, self._columns, self._weights, self._proposer, largest=how == "max")
            extremes, means = (np.concatenate(values) for values in zip(*parts, strict=True))
            # The mean costs next to nothing beside an extreme, and who asks for one mostly asks for both.
            return {how: extremes} if self._rows.measure == "euclidean" else {how: extremes, "mean": means}
        if self._rows.measure == "cosine":
            return {how: np.concatenate([*cosine_means(self._rows, self._columns, self._weights)])}
        shares = self._weights / self._weights.sum()
        return {how: np.round(np.concatenate([values @ shares for _, values in self._euclidean()]), 12)}

    def _euclidean(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Minus the distances to the distinct columns, float64 `[b, m]`, block by block.

        |r|² + |c|² − 2rc loses half the digits where r and c are close: float64 keeps enough of them.
        """
        columns = self._columns.double()
        squares = (columns**2).sum(dim=1)
        for start, part in self._proposer.parts(len(columns)):
            wide = self._rows.single(part).double()
            squared = (wide**2).sum(dim=1, keepdim=True) + squares - 2 * (wide @ columns.T)
            yield start, -squared.clamp_(min=0).sqrt_().numpy()


def _distinct(vectors: NDArray[np.float32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first row of each distinct one, int64 `[m]`, and for every row which of those it equals, int64 `[M]`."""
    numbers: dict[bytes, int] = {}
    which = np.array([numbers.setdefault(vector.tobytes(), len(numbers)) for vector in vectors], dtype=np.int64)
    return np.unique(which, return_index=True)[1], which
