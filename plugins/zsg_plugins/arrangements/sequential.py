"""The order in which the data came."""

from __future__ import annotations

import numpy as np

from zsg_registry import ArrangeContext, Arrangement, Order


class Sequential(Arrangement):
    """The pool in its own order."""

    def arrange(self, context: ArrangeContext) -> Order:
        """The first positions of the pool."""
        return Order(np.arange(context.budget))
