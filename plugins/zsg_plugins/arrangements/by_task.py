"""What orders by task have in common: the pool's tasks in some order, and each task's examples in some order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zsg_registry import ArrangeContext, Arrangement, Need, Parameters


class TaskOrder(NamedTuple):
    """The pool's positions in the order in which a task's examples come, and what each one's task is.

    All arrays have one value per example. `turn` counts the examples of the same task that come before; `rank` is the
    task's place among the tasks; `task` is its number in `names`.
    """

    positions: NDArray[np.int64]
    turn: NDArray[np.int64]
    rank: NDArray[np.int64]
    task: NDArray[np.int32]
    names: tuple[str, ...]


class ByTask(Arrangement):
    """The base of orders that only look at task labels."""

    class Params(Parameters):
        """How to choose among the many orders of this kind."""

        shuffle: bool = True
        """Draw the order of the tasks and of the examples in a task; if false, both are as in the pool."""

    params: Params
    needs = frozenset({Need.TASKS})

    @property
    def stochastic(self) -> bool:
        """A shuffled order depends on the seed."""
        return self.params.shuffle

    def task_order(self, context: ArrangeContext) -> TaskOrder:
        """Put the tasks, and the examples of each task, in order."""
        codes, names = context.pool.codes("task")
        positions, ranks = np.arange(len(codes)), np.arange(len(names))
        if self.params.shuffle:
            positions = context.rng("examples").permutation(positions)
            ranks = context.rng("tasks").permutation(ranks)
        task = codes[positions]
        # Sorted by task, the turns are 0, 1, 2, … from where each task begins.
        by_task = np.argsort(task, kind="stable")
        begins = np.searchsorted(task[by_task], np.arange(len(names)))
        turn = np.empty_like(positions)
        turn[by_task] = np.arange(len(positions)) - begins[task[by_task]]
        return TaskOrder(positions, turn, ranks[task], task, names)
