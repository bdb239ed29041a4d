"""Reverse: the last entry first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from zsg_registry import ArrangeContext, Order, Transform


class Reverse(Transform):
    """The order backwards.

    Where the order says where its steps end, the steps are kept and come backwards too; otherwise every `batch_size`
    entries of the new order make a step, as always.
    """

    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """The entries, and the steps, from last to first."""
        backwards = order.take(np.arange(len(order))[::-1])
        if order.steps is None:
            return backwards
        lengths = np.diff(order.steps, prepend=0)
        return replace(backwards, steps=np.cumsum(lengths[::-1]))
