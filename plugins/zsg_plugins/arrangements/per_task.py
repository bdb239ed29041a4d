"""A share of every task, chosen by the distance to the unseen tasks."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zsg_plugins.arrangements.distances import MeasuredToQuery
from zsg_registry import ArrangeContext, Need, Order


class PerTask(MeasuredToQuery):
    """An equal share of every training task: its nearest and farthest examples, or every n-th (the paper's per-task).

    The examples of a task are sorted by their distance to the whole query set, equal ones in pool order, and the share
    is taken from both ends or at even steps (in the code of He et al., arXiv 2406.11721). The budget is shared evenly:
    a task with fewer examples than its share leaves the rest to the others, and what cannot be divided goes to the
    tasks that come first. Tasks are emitted one after another in the order in which they first appear in the pool,
    the examples of each from the nearest to the farthest. The stage of an entry is its task, its score the distance.
    """

    class Params(MeasuredToQuery.Params):
        """Which examples of a task."""

        mode: Literal["polar", "uniform"] = "polar"
        """Half of the share from each end of the task's sorted examples (the odd one from the near end), or every
        n-th of them from the nearest on."""

    params: Params
    needs = frozenset({Need.EMBEDDER, Need.TASKS})

    def arrange(self, context: ArrangeContext) -> Order:
        """Choose in each task."""
        task, names = context.pool.codes("task")
        distances = self.distances(context)
        sizes = np.bincount(task, minlength=len(names))
        by_task = np.lexsort((distances, task))
        members = np.split(by_task, np.cumsum(sizes)[:-1])
        kept = zip(members, shares(sizes, context.budget), strict=True)
        order = np.concatenate([rows[self._places(len(rows), share)] for rows, share in kept])
        return Order(order, stages=task[order], stage_names=names, scores=distances[order].astype(np.float32))

    def _places(self, size: int, share: int) -> NDArray[np.int64]:
        """Which `share` of `size` sorted examples, ascending."""
        if self.params.mode == "uniform":
            return np.arange(share) * size // share if share else np.arange(0)
        near = -(-share // 2)
        return np.concatenate([np.arange(near), np.arange(size - (share - near), size)])


def shares(sizes: NDArray[np.int64], budget: int) -> list[int]:
    """A budget divided as evenly as the sizes allow: no share exceeds its size, and all together make the budget.

    Args:
        sizes: int64 `[T]`.
        budget: At most their sum.
    """
    share = np.zeros_like(sizes)
    while (left := budget - int(share.sum())) > 0:
        open_ = np.flatnonzero(share < sizes)
        each = left // len(open_)
        if each == 0:
            share[open_[:left]] += 1
        else:
            share[open_] = np.minimum(share[open_] + each, sizes[open_])
    even: list[int] = share.tolist()
    return even
