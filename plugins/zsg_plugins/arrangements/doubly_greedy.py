"""Doubly greedy: whoever is nearest to any query example."""

from __future__ import annotations

from zsg_plugins.arrangements.distances import ComparedToQuery, distance_to_query
from zsg_plugins.arrangements.nft import nearest_first
from zsg_registry import ArrangeContext, Order


class DoublyGreedy(ComparedToQuery):
    """Training examples by their similarity to the nearest query example, greatest first.

    Greedy in the example and in the query: of all pairs that remain the nearest is taken, whichever query example it
    serves, so that some may never be served (Nayak et al., arXiv 2602.14696, compare it with round-robin). It is the
    same order as `nft[measure=min]`, under the name it has among selection methods. Equal ones: in pool order. Scores
    are the distances.
    """

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by the least distance to the query."""
        least = distance_to_query(context, "min", self.params.distance, self.params.view)
        return nearest_first(least).head(context.budget)
