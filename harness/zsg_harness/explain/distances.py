"""How far what was consumed by each evaluation is from every unseen task.

The distances of He et al. (2025, arXiv 2406.11721), where d is −cosine or the Euclidean distance: between the training
examples so far and a task's scored examples `avg`, `min` and `max` of d over all pairs, and `centroid`, d of the two
means. Consumed vectors are taken a block at a time, so the matrix of all pairs never exists.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

METRICS: Final = ("cosine", "euclidean")
SUMMARIES: Final = ("avg", "min", "max", "centroid")
MEASURES: Final = tuple(f"{metric}-{summary}" for metric in METRICS for summary in SUMMARIES)

_BLOCK: Final = 4096

Floats = NDArray[np.float64]


def distances(
    vectors: NDArray[np.float32],
    rows: NDArray[np.int64],
    counts: NDArray[np.int64],
    scored: NDArray[np.float32],
    task_of: NDArray[np.int32],
    *,
    block_rows: int = _BLOCK,
) -> Floats:
    """The eight distances of vectors, float64 `[8, tasks, evaluations]`; NaN where nothing was consumed yet.

    Args:
        vectors: The pool's, `[N, d]`; they may be memory-mapped.
        rows: What was consumed, in order.
        counts: How many of `rows` were consumed by each evaluation, ascending.
        scored: The scored examples' vectors, `[M, d]`.
        task_of: The task of each, 0, 1, ….
        block_rows: Consumed vectors at a time; it changes no result but for rounding.
    """
    found = np.full((len(METRICS), len(SUMMARIES), int(task_of.max()) + 1, len(counts)), np.nan)
    running = _Running(scored.astype(np.float64), task_of)
    for evaluation, (start, end) in enumerate(itertools.pairwise([0, *counts.tolist()])):
        for first in range(start, end, block_rows):
            running.add(vectors[rows[first : min(first + block_rows, end)]].astype(np.float64))
        if end:
            found[..., evaluation] = running.summaries()
    return found.reshape(len(MEASURES), *found.shape[2:])


class _Running:
    """Of each scored example the sum, least and greatest of its distances to all that came so far."""

    def __init__(self, scored: Floats, task_of: NDArray[np.int32]) -> None:
        self._scored = scored
        self._squares = (scored**2).sum(axis=1)
        self._task_of = task_of
        self._sizes = np.bincount(task_of)
        self._centres = np.zeros((len(self._sizes), scored.shape[1]))
        np.add.at(self._centres, task_of, scored)
        self._centres /= self._sizes[:, None]
        shape = (len(METRICS), len(scored))
        self._sum, self._least, self._greatest = np.zeros(shape), np.full(shape, np.inf), np.full(shape, -np.inf)
        self._total, self._seen = np.zeros(scored.shape[1]), 0

    def add(self, block: Floats) -> None:
        """Take consumed vectors `[b, d]`."""
        for number, pairs in enumerate(_pairwise(block, self._scored, self._squares)):
            self._sum[number] += pairs.sum(axis=0)
            self._least[number] = np.minimum(self._least[number], pairs.min(axis=0))
            self._greatest[number] = np.maximum(self._greatest[number], pairs.max(axis=0))
        self._total += block.sum(axis=0)
        self._seen += len(block)

    def summaries(self) -> Floats:
        """Float64 `[metrics, summaries, tasks]`."""
        centre = self._total / self._seen
        centroids = [pairs[0] for pairs in _pairwise(centre[None], self._centres, (self._centres**2).sum(axis=1))]
        return np.array(
            [[self._mean(number), *self._extremes(number), centroid] for number, centroid in enumerate(centroids)]
        )

    def _mean(self, number: int) -> Floats:
        sums = np.bincount(self._task_of, weights=self._sum[number], minlength=len(self._sizes))
        return sums / (self._sizes * self._seen)

    def _extremes(self, number: int) -> tuple[Floats, Floats]:
        least, greatest = np.full(len(self._sizes), np.inf), np.full(len(self._sizes), -np.inf)
        np.minimum.at(least, self._task_of, self._least[number])
        np.maximum.at(greatest, self._task_of, self._greatest[number])
        return least, greatest


def _pairwise(rows: Floats, columns: Floats, squares: Floats) -> Iterator[Floats]:
    """The distances of all pairs, `[rows, columns]`, by each of `METRICS`.

    Args:
        rows: Vectors that are not zero, `[r, d]`.
        columns: Likewise, `[c, d]`.
        squares: |c|² of each column.
    """
    products = rows @ columns.T
    own = (rows**2).sum(axis=1)[:, None]
    yield -products / np.sqrt(own * squares)
    yield np.sqrt(np.maximum(own + squares - 2 * products, 0))
