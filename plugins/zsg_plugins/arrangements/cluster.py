"""Cluster: task after task."""

from __future__ import annotations

import numpy as np

from zsg_plugins.arrangements.by_task import ByTask
from zsg_registry import ArrangeContext, Order


class Cluster(ByTask):
    """All examples of a task together, task after task (the paper's cluster scheduling).

    The stage of an entry is its task. A budget smaller than the pool reaches only the first tasks.
    """

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by task."""
        ordered = self.task_order(context)
        by_task = np.argsort(ordered.rank, kind="stable")
        return Order(ordered.positions[by_task], stages=ordered.task[by_task], stage_names=ordered.names).head(
            context.budget
        )
