"""Coarse-grained arrangement: whole tasks, in the order of their distance to the unseen tasks."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zsg_plugins.arrangements.distances import MeasuredToQuery
from zsg_registry import Access, ArrangeContext, Need, Order


class Coarse(MeasuredToQuery):
    """Training tasks nearest to the unseen tasks first, each task whole (the paper's coarse-grained setting).

    The embedding of a task is the mean of its examples' embeddings (He et al., arXiv 2406.11721, on fine-grained
    data); tasks are sorted by its distance to the query set, equal ones in the order in which they first appear in the
    pool. `view=instruction` compares instructions alone, after INSTA (Lee et al., arXiv 2404.16418).
    Inside a task the examples are in pool order. The stage of an entry is its task, its score the task's distance.
    """

    class Params(MeasuredToQuery.Params):
        """In which order the tasks come."""

        direction: Literal["nearest", "farthest", "shuffle"] = "nearest"
        """The nearest task first, the farthest first, or tasks in random order (which looks at no embedding)."""

    params: Params

    @property
    def needs(self) -> frozenset[Need]:
        """Task labels, and embeddings where distances count."""
        return frozenset({Need.TASKS}) if self.stochastic else frozenset({Need.EMBEDDER, Need.TASKS})

    @property
    def access(self) -> Access:
        """A random order of the tasks looks at no query."""
        return Access.NONE if self.stochastic else super().access

    @property
    def stochastic(self) -> bool:
        """Only a random order of the tasks depends on the seed."""
        return self.params.direction == "shuffle"

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort the tasks and emit each whole."""
        task, names = context.pool.codes("task")
        scores = None
        if self.params.direction == "shuffle":
            sequence = context.rng("tasks").permutation(len(names))
        else:
            distances = self.distances(context, task_means(context.embeddings("pool", self.params.view), task))
            sequence = np.argsort(distances if self.params.direction == "nearest" else -distances, kind="stable")
            scores = distances.astype(np.float32)[task]
        place = np.empty_like(sequence)
        place[sequence] = np.arange(len(names))
        whole = Order(np.arange(len(task)), stages=task, stage_names=names, scores=scores)
        return whole.take(np.argsort(place[task], kind="stable")[: context.budget])


def task_means(vectors: NDArray[np.float32], task: NDArray[np.int32]) -> NDArray[np.float32]:
    """The mean vector of each task, summed in float64: float32 `[T, d]`.

    Args:
        vectors: float32 `[N, d]`.
        task: The number of each one's task, int32 `[N]`; every number from 0 to T - 1 occurs.
    """
    by_task = np.argsort(task, kind="stable")
    members = np.split(by_task, np.flatnonzero(np.diff(task[by_task])) + 1)
    return np.stack([vectors[rows].mean(axis=0, dtype=np.float64) for rows in members]).astype(np.float32)
