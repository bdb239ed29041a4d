"""Round-robin over the query: its examples pick in turn."""

from __future__ import annotations

import numpy as np

from zsg_plugins.arrangements.distances import ComparedToQuery, similarity_to_query
from zsg_registry import ArrangeContext, Order


class RoundRobinNearest(ComparedToQuery):
    """Query examples take turns, and each picks its nearest remaining training example (as in RDS+).

    The selection of RDS+ (Ivison et al., arXiv 2503.01807) and the greedy round-robin of Nayak et al. (arXiv
    2602.14696), in the order of the query set. In the code of RDS+ a query example whose next training example is
    already taken loses its turn; here it takes the next one, so that all are served alike. Picks are sequential, in
    `tma` those of a turn are simultaneous. Equally near examples: the first in the pool. The stage of an entry is its
    round (from 0), its score the distance to the query example that picked it.
    """

    def arrange(self, context: ArrangeContext) -> Order:
        """One pick after another until the budget is reached."""
        similarity = similarity_to_query(context, self.params.distance, self.params.view)
        cursor = similarity.cursor(picks=context.budget)
        rounds, pickers = np.divmod(np.arange(context.budget), len(context.query))
        picks = np.empty(context.budget, dtype=np.int64)
        for turn, picker in enumerate(pickers.tolist()):
            row = cursor.peek(picker)
            cursor.remove([row])
            picks[turn] = row
        distances = -similarity.pairs(picks, pickers)
        return Order(picks, stages=rounds.astype(np.int32), scores=distances.astype(np.float32))
