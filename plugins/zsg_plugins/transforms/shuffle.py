"""Shuffle: the control that tells what an order adds to its selection."""

from __future__ import annotations

from zsg_registry import ArrangeContext, Order, Transform


class Shuffle(Transform):
    """The same examples in random order: the matched-set control of the arrangement before it.

    Stage and score stay with their entries. Step ends are dropped, since the batches they cut are no more.
    """

    stochastic = True

    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """A random permutation of the entries."""
        return order.take(context.rng().permutation(len(order)))
