"""Random order: the baseline whose spread everything else is measured against."""

from __future__ import annotations

from zsg_registry import ArrangeContext, Arrangement, Order


class Random(Arrangement):
    """A random draw from the pool, in random order (the paper's RT)."""

    stochastic = True

    def arrange(self, context: ArrangeContext) -> Order:
        """The beginning of a random permutation of the pool."""
        return Order(context.rng().permutation(len(context.pool))).head(context.budget)
