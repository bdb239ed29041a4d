"""How far each example of the pool is from the query set as a whole: the paper's similarity distances."""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from zsg_registry import (
    Access,
    ArrangeContext,
    Arrangement,
    Measure,
    Need,
    Parameters,
    Similarity,
    View,
    ZsgError,
)

DistanceTo = Literal["wsd", "avg", "min", "max", "centroid"]
Vectors = NDArray[np.float32]
DECIMALS: Final = 12
"""Similarities that are equal to so many are equal: as in `Similarity.reduce`."""
UNSURE: Final = 1e-4
"""Far more than the float32 product of two unit vectors is off: a value this close to a limit needs `pairs`."""
_LARGEST_WEIGHT: Final = 100.0


class ComparedToQuery(Arrangement):
    """The base of arrangements that compare embeddings of the pool with those of the query."""

    class Params(Parameters):
        """How two examples are compared."""

        distance: Measure = "cosine"
        """Distance of two examples: minus the cosine of their embeddings, or Euclidean."""
        view: View = "both"
        """Which text is embedded. The paper embeds both, so that the query's answers are seen."""

    params: Params

    @property
    def needs(self) -> frozenset[Need]:
        """Embeddings."""
        return frozenset({Need.EMBEDDER})

    @property
    def access(self) -> Access:
        """Answers, where the view embeds them."""
        return Access.ANSWERS if self.params.view in ("both", "completion") else Access.PROMPTS


class MeasuredToQuery(ComparedToQuery):
    """The base of arrangements by one number per example (or task): its distance to the query set as a whole."""

    class Params(ComparedToQuery.Params):
        """What near means."""

        measure: DistanceTo = "wsd"
        """Distance of an example to the query set: its weighted, mean, least or greatest distance, or to the centre."""

    params: Params

    def distances(self, context: ArrangeContext, vectors: Vectors | None = None) -> NDArray[np.float64]:
        """The distance of each vector (by default the pool's) to the query set, float64 `[n]`."""
        params = self.params
        return distance_to_query(context, params.measure, params.distance, params.view, vectors)


def similarity_to_query(
    context: ArrangeContext, distance: Measure, view: View, vectors: Vectors | None = None
) -> Similarity:
    """The similarity of each vector (by default the pool's) to each query example.

    Raises:
        ZsgError: There is no query example.
    """
    if len(context.query) == 0:
        raise ZsgError("there are no query examples, so nothing is near or far")
    rows = context.embeddings("pool", view) if vectors is None else vectors
    return context.similarity(rows, context.embeddings("query", view), distance)


def distance_to_query(
    context: ArrangeContext, to: DistanceTo, distance: Measure, view: View, vectors: Vectors | None = None
) -> NDArray[np.float64]:
    """The distance d of each vector to the whole query set, float64 `[n]`; d is minus the similarity.

    The paper's similarity distances (He et al., arXiv 2406.11721), of a single training example in the place of those
    of the first t steps: "min", "avg" and "max" are over the distances to all query examples, "centroid" is the
    distance to their mean vector, "wsd" the weighted similarity distance of `weighted`.

    Args:
        context: Where the embeddings are.
        to: Which of them.
        distance: The distance of two vectors.
        view: Which text is embedded.
        vectors: float32 `[n, d]`; by default the embeddings of the pool.

    Raises:
        ZsgError: There is no query example.
    """
    similarity = similarity_to_query(context, distance, view, vectors)
    if to == "centroid":
        rows = context.embeddings("pool", view) if vectors is None else vectors
        centre = context.embeddings("query", view).mean(axis=0, dtype=np.float64, keepdims=True)
        return -context.similarity(rows, centre.astype(np.float32), distance).reduce("max")
    # The greatest similarity is the least distance.
    if to == "min":
        return -similarity.reduce("max")
    if to == "max":
        return -similarity.reduce("min")
    if to == "avg":
        return -similarity.reduce("mean")
    return weighted(least=-similarity.reduce("max"), mean=-similarity.reduce("mean"))


def dense(similarity: Similarity) -> NDArray[np.float32]:
    """All values of a small similarity, float32 `[N, M]`."""
    return np.concatenate([block.values.copy() for block in similarity.blocks()])


def weighted(least: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """The paper's weighted similarity distance: `WSD_i = MD_i + w · AD_i` with `w = mean_i(MD_i) / mean_i(AD_i)`.

    w makes both terms equally large on average (in the paper w_min = 1 and w_avg = w). Under the cosine, AD is minus
    the mean cosine: w explodes where that is near 0, so that MD no longer counts, and is negative where it is below,
    so that examples *far* on average are preferred. Such a weight balances nothing, and w = 1 is taken instead (both
    distances count as they are) unless 0 < w ≤ 100, that is, unless the mean cosine is at least a hundredth of the
    mean cosine to the nearest query example.

    Args:
        least: MD, the least distance of each example to the query set, float64 `[N]`.
        mean: AD, its mean distance, float64 `[N]`.
    """
    numerator, denominator = float(least.mean()), float(mean.mean())
    sound = denominator != 0 and 0 < numerator / denominator <= _LARGEST_WEIGHT
    return least + (numerator / denominator if sound else 1.0) * mean
