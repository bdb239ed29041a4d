"""The least, mean and greatest similarity of each row to all columns."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.services.similarity.proposals import Keys, Proposer
from zsg_harness.services.similarity.vectors import DECIMALS, Vectors, gathered, similarities
from zsg_registry import Measure

_ROWS: Final = 1024
"""Rows whose float64 vectors fit a core's cache."""


class Summary(NamedTuple):
    """Of some rows the greatest (or the least) similarity and, under "cosine", the mean: float64 `[b]`, 12 decimals."""

    extreme: NDArray[np.float64]
    mean: NDArray[np.float64]


def summaries(
    rows: Vectors, columns: torch.Tensor, weights: NDArray[np.int64], proposer: Proposer, largest: bool
) -> Iterator[Summary]:
    """A summary of each block of rows, in order.

    Args:
        rows: The rows.
        columns: The columns' vectors as `Vectors.single` gives them, `[m, d]`.
        weights: How often each column counts in the mean.
        proposer: Of these rows and columns.
        largest: Find the greatest similarity rather than the least.
    """
    wide_columns = columns.double()
    centre = _centre(columns, weights)
    sign = 1 if largest else -1
    for keys in proposer.stream(sign, half=proposer.half_if(True)):
        stop = keys.start + keys.values.shape[1]
        undecided = keys.reaching(_near_the_best)
        by_row = np.argsort((undecided.row - keys.start).astype(np.uint16), kind="stable")  # sorted in linear time
        row, column = undecided.row[by_row], torch.from_numpy(undecided.column[by_row])
        for first in range(keys.start, stop, _ROWS):
            part = slice(first, min(first + _ROWS, stop))
            wide = rows.single(part).double()
            pairs = slice(*np.searchsorted(row, [part.start, part.stop]).tolist())
            means = _means(wide, centre)
            best = _best(row[pairs] - first, wide, wide_columns, column[pairs], sign, rows.measure)
            yield Summary(sign * best, means)


def cosine_means(rows: Vectors, columns: torch.Tensor, weights: NDArray[np.int64]) -> Iterator[NDArray[np.float64]]:
    """The mean cosine of each row of a block, in order: float64 `[b]`, to 12 decimals."""
    centre = _centre(columns, weights)
    for first in range(0, len(rows), _ROWS):
        yield _means(rows.single(slice(first, min(first + _ROWS, len(rows)))).double(), centre)


def _centre(columns: torch.Tensor, weights: NDArray[np.int64]) -> torch.Tensor:
    """The mean column. The mean of the dots is the dot with it: one exact product a row, however many columns."""
    share = torch.from_numpy(weights / weights.sum())
    return share @ columns.double()


def _means(wide: torch.Tensor, centre: torch.Tensor) -> NDArray[np.float64]:
    return np.round((wide @ centre).numpy(), DECIMALS)


def _near_the_best(keys: Keys) -> torch.Tensor:
    """What a key must reach to be, perhaps, the greatest of its row: float `[1, rows]`."""
    best = keys.greatest()
    return best - keys.margin.around(best)


def _best(
    row: NDArray[np.int64],
    wide: torch.Tensor,
    columns: torch.Tensor,
    column: torch.Tensor,
    sign: int,
    measure: Measure,
) -> NDArray[np.float64]:
    """The greatest true value of each row, times `sign`, float64 `[b]`. Overwrites `wide`.

    Args:
        row: int64 `[m]`, ascending, in which every row occurs.
        wide: The rows' vectors, float64 `[b, d]`.
        columns: The columns' vectors, float64 `[M, d]`.
        column: The column that each of `row` is paired with, int64 `[m]`.
        sign: -1 for the least value.
        measure: The similarity.
    """
    first = np.searchsorted(row, np.arange(len(wide)))
    is_other = np.ones(len(row), dtype=np.bool_)
    is_other[first] = False
    others = torch.from_numpy(np.flatnonzero(is_other))
    more = sign * similarities(
        gathered(wide, torch.from_numpy(row)[others]), gathered(columns, column[others]), measure
    )
    # Most rows have one candidate: theirs are multiplied where they are.
    best = sign * similarities(wide, gathered(columns, column[torch.from_numpy(first)]), measure)
    np.maximum.at(best, row[is_other], more)
    return best
