"""The union of every query example's nearest neighbours."""

from __future__ import annotations

import numpy as np
from pydantic import PositiveInt

from zsg_plugins.arrangements.distances import DECIMALS, ComparedToQuery, similarity_to_query
from zsg_registry import ArrangeContext, Neighbours, Order, Similarity

_FIRST_GUESS = 3  # neighbourhoods overlap, and a longer list costs far less than another pass over the pool


class KnnUnion(ComparedToQuery):
    """The k nearest training examples of every query example, those that most of them want first (as in DEFT).

    DEFT (Ivison et al., arXiv 2212.00196) trains on the union of the neighbourhoods, each example once. Here it is
    also ranked: by how many query examples want it, then by the distance to the nearest of those, then by place in
    the pool. Scores are the numbers of query examples. The lists take memory for M × k neighbours of M query examples.
    """

    class Params(ComparedToQuery.Params):
        """How many neighbours."""

        k: PositiveInt | None = None
        """Neighbours of each query example; they may be fewer than the budget. By default the smallest number whose
        union reaches the budget, which near the pool's size may be nearly that size."""

    params: Params

    @property
    def may_underfill(self) -> bool:
        """A given k may not reach the budget."""
        return self.params.k is not None

    def arrange(self, context: ArrangeContext) -> Order:
        """Rank the union of the neighbourhoods."""
        size = len(context.pool)
        similarity = similarity_to_query(context, self.params.distance, self.params.view)
        if self.params.k is None:
            rows, values = _smallest_reaching(similarity, context.budget, size, len(context.query))
        else:
            rows, values = similarity.top_k(min(self.params.k, size))
        wanted = np.bincount(rows.ravel(), minlength=size)
        nearest = np.full(size, -np.inf)
        np.maximum.at(nearest, rows.ravel(), np.round(values.ravel(), DECIMALS))
        union = np.flatnonzero(wanted)
        order = union[np.lexsort((-nearest[union], -wanted[union]))]
        return Order(order, scores=wanted[order].astype(np.float32)).head(context.budget)


def _smallest_reaching(similarity: Similarity, budget: int, size: int, queries: int) -> Neighbours:
    """The neighbourhoods of the smallest k whose union has at least `budget` of the pool's `size` rows."""
    k = min(_FIRST_GUESS * -(-budget // queries), size)
    while True:
        rows, values = similarity.top_k(k)
        # A row is in the union of all k above its best place in any list, so the budget-th best place tells k.
        place = np.full(size, size)
        np.minimum.at(place, rows.ravel(), np.tile(np.arange(k), queries))
        smallest = int(np.partition(place, budget - 1)[budget - 1]) + 1
        if smallest <= k:
            return Neighbours(rows[:, :smallest], values[:, :smallest])
        k = min(2 * k, size)
