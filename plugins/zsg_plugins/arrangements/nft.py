"""Nearest first and farthest first: the pool sorted by its distance to the unseen tasks' examples."""

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from zsg_plugins.arrangements.distances import ComparedToQuery, DistanceTo, distance_to_query
from zsg_registry import ArrangeContext, Need, Order, ZsgError


class _ByDistance(ComparedToQuery):
    """The base of the two directions."""

    class Params(ComparedToQuery.Params):
        """What near means."""

        measure: DistanceTo | Literal["kl"] = "wsd"
        """Distance of an example to the query set: its weighted, mean, least or greatest distance, or to the centre;
        or `kl`, the divergence of its pairs of words from the query's, which needs no embedder."""

        @model_validator(mode="after")
        def _words_have_no_distance(self) -> Self:
            if self.measure == "kl" and self.distance != "cosine":
                raise ValueError("measure=kl compares words, not embeddings: leave 'distance' out")
            return self

    params: Params

    @property
    def needs(self) -> frozenset[Need]:
        """Embeddings, unless words are compared."""
        return frozenset() if self.params.measure == "kl" else super().needs

    def distances(self, context: ArrangeContext) -> NDArray[np.float64]:
        """The distance of each example of the pool to the query set, float64 `[N]`."""
        params = self.params
        if params.measure != "kl":
            return distance_to_query(context, params.measure, params.distance, params.view)
        if len(context.query) == 0:
            raise ZsgError("there are no query examples, so nothing is near or far")
        return context.kl_ngram(context.texts("pool", params.view), context.texts("query", params.view))


class NearestFirst(_ByDistance):
    """Training examples nearest to the unseen tasks first (the paper's NFT).

    Sorted by ascending distance to the whole query set; equal ones in pool order. Scores are the distances.
    """

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by distance."""
        return nearest_first(self.distances(context)).head(context.budget)


class FarthestFirst(_ByDistance):
    """Training examples farthest from the unseen tasks first (the paper's FFT).

    Sorted by descending distance to the whole query set; equal ones in pool order, so that it is not quite the
    reverse of `nft`. Scores are the distances.
    """

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by distance, greatest first."""
        distances = self.distances(context)
        order = _ascending(-distances)
        return Order(order, scores=distances[order].astype(np.float32)).head(context.budget)


def nearest_first(distances: NDArray[np.float64]) -> Order:
    """The whole pool by ascending distance, float64 `[N]`; equal ones in pool order."""
    order = _ascending(distances)
    return Order(order, scores=distances[order].astype(np.float32))


def _ascending(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """A stable argsort of values without NaN: a vectorised one, and then each run of equal values by position."""
    order: NDArray[np.int64] = np.argsort(values)
    ordered = values[order]
    follows = np.concatenate([[False], ordered[1:] == ordered[:-1]])
    runs = np.flatnonzero(follows | np.append(follows[1:], False))
    order[runs] = order[runs][np.lexsort((order[runs], ordered[runs]))]
    return order
