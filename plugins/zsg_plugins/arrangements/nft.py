"""Nearest first and farthest first: the pool sorted by its distance to the unseen tasks' examples."""

from __future__ import annotations

import numpy as np

from zsg_plugins.arrangements.distances import ComparedToQuery, DistanceTo, distance_to_query
from zsg_registry import ArrangeContext, Order


class _ByDistance(ComparedToQuery):
    """The base of the two directions."""

    class Params(ComparedToQuery.Params):
        """What near means."""

        measure: DistanceTo = "wsd"
        """Distance of an example to the query set: its weighted, mean, least or greatest distance, or to the centre."""

    params: Params

    def distances(self, context: ArrangeContext) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """The distance of each pool example to the query set, float64 `[N]`."""
        return distance_to_query(context, self.params.measure, self.params.distance, self.params.view)


class NearestFirst(_ByDistance):
    """Training examples nearest to the unseen tasks first (the paper's NFT).

    Sorted by ascending distance to the whole query set; equal ones in pool order. Scores are the distances.
    """

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by distance."""
        distances = self.distances(context)
        order = np.argsort(distances, kind="stable")
        return Order(order, scores=distances[order].astype(np.float32)).head(context.budget)


class FarthestFirst(_ByDistance):
    """Training examples farthest from the unseen tasks first (the paper's FFT).

    Sorted by descending distance to the whole query set; equal ones in pool order, so that it is not quite the
    reverse of `nft`. Scores are the distances.
    """

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by distance, greatest first."""
        distances = self.distances(context)
        order = np.argsort(-distances, kind="stable")
        return Order(order, scores=distances[order].astype(np.float32)).head(context.budget)
