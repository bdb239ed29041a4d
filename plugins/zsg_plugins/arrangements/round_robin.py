"""Round-robin: one example of each task in turn."""

from __future__ import annotations

import numpy as np

from zsg_plugins.arrangements.by_task import ByTask
from zsg_registry import ArrangeContext, Order


class RoundRobin(ByTask):
    """One example of each task in turn, as long as the task has any (the paper's round-robin scheduling).

    Every turn visits the tasks in the same order. The stage of an entry is its turn.
    """

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by turn, then by task."""
        ordered = self.task_order(context)
        by_turn = np.lexsort((ordered.rank, ordered.turn))
        return Order(ordered.positions[by_turn], stages=ordered.turn[by_turn].astype(np.int32)).head(context.budget)
