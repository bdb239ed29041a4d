"""The vectors of a similarity, as its contract defines them, and the float64 values that decide."""

from __future__ import annotations

import warnings
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_registry import ContractError, Measure

PAIRS: Final = 1024
"""Pairs that are multiplied at once: their vectors fit a core's cache."""
DECIMALS: Final = 12
"""Exact values are rounded, so that equal ones are equal in whatever order their terms were added."""

Rows = slice | NDArray[np.int64]


class Vectors:
    """A matrix `[n, d]`, which may be memory-mapped: it is never copied as a whole.

    Under "cosine" a vector stands for itself divided by its norm (both in float64) and rounded once to float32, since
    float32 sums would depend on the machine's vector width. Under "euclidean" it is what it is.
    """

    def __init__(self, matrix: NDArray[np.float32], measure: Measure) -> None:
        self.measure = measure
        with warnings.catch_warnings():
            # The matrix may be read-only, as a memory-mapped file is; it is only ever read here.
            warnings.filterwarnings("ignore", message=".*not writable")
            self._matrix = torch.from_numpy(np.asarray(matrix, dtype=np.float32))

    def __len__(self) -> int:
        return len(self._matrix)

    def raw(self, rows: Rows) -> torch.Tensor:
        """Vectors as they were given, float32 `[m, d]`; of a slice a view."""
        return self._matrix[rows] if isinstance(rows, slice) else gathered(self._matrix, torch.from_numpy(rows))

    def single(self, rows: Rows) -> torch.Tensor:
        """Vectors as the contract takes them, float32 `[m, d]`.

        Raises:
            ContractError: One is not finite, or is zero where it should have a direction.
        """
        raw = self.raw(rows)
        wide = raw.double()
        norms = torch.linalg.vector_norm(wide, dim=1, keepdim=True)
        usable = norms.isfinite() if self.measure == "euclidean" else norms.isfinite() & (norms > 0)
        if not bool(usable.all()):
            position = int((~usable).nonzero()[0, 0])
            row = range(len(self))[rows][position] if isinstance(rows, slice) else int(rows[position])
            raise ContractError(f"vector {row} is zero or not a number: it has no {self.measure} similarity")
        return raw if self.measure == "euclidean" else wide.div_(norms).float()


def exact(
    rows: Vectors, columns: torch.Tensor, row: NDArray[np.int64], column: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The similarity of `row[i]` to `column[i]` for each i, summed in float64: float64 `[m]`, to 12 decimals.

    Args:
        rows: The rows' vectors.
        columns: The columns' vectors as `Vectors.single` gives them, `[M, d]`.
        row: int64 `[m]`.
        column: int64 `[m]`.
    """
    values = np.empty(len(row), dtype=np.float64)
    by_row = np.argsort(row)  # memory is read from one end to the other, which is much faster than at random
    for start in range(0, len(row), PAIRS):
        part = by_row[start : start + PAIRS]
        right = gathered(columns, torch.from_numpy(column[part])).double()
        values[part] = similarities(rows.single(row[part]).double(), right, rows.measure)
    return values


def similarities(left: torch.Tensor, right: torch.Tensor, measure: Measure) -> NDArray[np.float64]:
    """The similarity of each pair of float64 vectors `[m, d]`, to 12 decimals. Overwrites `left`."""
    values = left.mul_(right).sum(dim=1) if measure == "cosine" else -(left.sub_(right).square_().sum(dim=1).sqrt_())
    return np.round(values.numpy(), DECIMALS)


def gathered(vectors: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """`vectors[rows]`, twice as fast."""
    return torch.index_select(vectors, 0, rows)
