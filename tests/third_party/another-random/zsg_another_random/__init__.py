"""An arrangement that is random order with another stream: a leaderboard must not tell it from random."""

from zsg_registry import ArrangeContext, Arrangement, Order


class AnotherRandom(Arrangement):
    """Random order, drawn from another stream than random's."""

    stochastic = True

    def arrange(self, context: ArrangeContext) -> Order:
        """The beginning of a permutation."""
        return Order(context.rng("another stream").permutation(len(context.pool))).head(context.budget)
