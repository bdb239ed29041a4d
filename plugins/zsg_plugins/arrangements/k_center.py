"""k-center: each example is the one farthest from all that came before."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from zsg_plugins.arrangements.distances import (
    DECIMALS,
    UNSURE,
    ComparedToQuery,
    Vectors,
    dense,
    similarity_to_query,
)
from zsg_registry import Access, ArrangeContext, Measure, Order


class KCenter(ComparedToQuery):
    """Each training example is the one farthest from all before it (greedy k-center, a core-set).

    Farthest-first traversal (Gonzalez, 1985; as a core-set: Sener and Savarese, arXiv 1708.00489): any beginning of
    the order covers the pool with at most twice the radius of the best choice of as many examples (under the Euclidean
    distance). Equally far examples: the first in the pool. Scores are the distances to the nearest of those before.

    Attributes:
        candidates: How many examples are compared at once; it changes no result.
    """

    candidates: ClassVar[int] = 1024

    class Params(ComparedToQuery.Params):
        """Where to begin."""

        start: Literal["mean", "query"] = "mean"
        """Begin with the example nearest to the pool's mean (its score is that distance), or as if the query examples
        had been taken before, so that what they do not cover comes first."""

    params: Params

    @property
    def access(self) -> Access:
        """The query is looked at only to begin with."""
        return super().access if self.params.start == "query" else Access.NONE

    def arrange(self, context: ArrangeContext) -> Order:
        """The traversal, until the budget is reached."""
        distance, view = self.params.distance, self.params.view
        vectors = context.embeddings("pool", view)
        if self.params.start == "query":
            nearest = similarity_to_query(context, distance, view).reduce("max")
            traversal = _Traversal(context, vectors, distance, nearest)
        else:
            to_mean = _similarity_to_mean(context, vectors, distance)
            first = int(np.argmax(to_mean))
            nearest = context.similarity(vectors, vectors[[first]], distance).reduce("max")
            traversal = _Traversal(context, vectors, distance, nearest)
            traversal.take(first, to_mean[first])
        while len(traversal.picks) < context.budget:
            traversal.advance(context.budget, self.candidates)
        return Order(np.array(traversal.picks), scores=-np.array(traversal.similarities, dtype=np.float32))


class _Traversal:
    """Farthest-first traversal, exact and lazy.

    What is known of an example is its greatest similarity to the picks that it was compared with. Later picks can only
    raise it, so an example whose known value is above the true value of another is not the next pick, and need not be
    brought up to date. Hence the examples with the least known values are brought up to date together, by one matrix
    product, and the traversal goes on among them alone until one of the others might come before them.
    """

    def __init__(
        self, context: ArrangeContext, vectors: Vectors, distance: Measure, known: NDArray[np.float64]
    ) -> None:
        """Begin with `known`, the similarities to what is there before the first pick, float64 `[N]`."""
        self.picks: list[int] = []
        self.similarities: list[float] = []
        self._context = context
        self._vectors = vectors
        self._distance = distance
        self._known = known.copy()
        self._compared = np.zeros(len(vectors), dtype=np.int64)  # with how many picks

    def take(self, row: int, similarity: float) -> None:
        """Pick an example, with its similarity to what came before."""
        self.picks.append(row)
        self.similarities.append(similarity)
        self._known[row] = np.inf

    def advance(self, budget: int, at_once: int) -> None:
        """Bring the most distant examples up to date, and pick from them as long as no other can be farther."""
        candidates = _least(self._known, min(at_once, len(self._known) - len(self.picks)))
        self._bring_up_to_date(candidates)
        others = self._known.copy()
        others[candidates] = np.inf
        limit = int(np.argmin(others))
        known = self._known[candidates]
        vectors = self._vectors[candidates]
        among = self._context.similarity(vectors, vectors, self._distance)
        keys = self._keys(dense(among))
        slack = UNSURE * (1.0 if self._distance == "cosine" else float((vectors**2).sum(axis=1).max()))
        while len(self.picks) < budget:
            best = int(np.argmin(known))
            if not (known[best], candidates[best]) < (others[limit], limit):
                break
            self.take(int(candidates[best]), known[best])
            known[best] = np.inf
            # Only what the pick may be nearer to than all before needs the exact value.
            nearer = np.flatnonzero(keys[best] >= self._keys(known) - slack)
            similarities = np.round(among.pairs(nearer, np.full(len(nearer), best)), DECIMALS)
            known[nearer] = np.maximum(known[nearer], similarities)
        self._known[candidates] = known
        self._compared[candidates] = len(self.picks)

    def _keys(self, similarities: NDArray[np.floating]) -> NDArray[np.floating]:
        """In the order of similarities, but off by no more than a product of vectors is: minus squared distances."""
        return similarities if self._distance == "cosine" else similarities * np.abs(similarities)

    def _bring_up_to_date(self, rows: NDArray[np.int64]) -> None:
        """Compare examples with the picks that they were not compared with."""
        picks = np.array(self.picks, dtype=np.int64)
        missing = len(picks) - self._compared[rows]
        # Together go those that miss about as many: at most twice the comparisons, but few products.
        _, doublings = np.frexp(missing)
        for group in np.unique(doublings[missing > 0]):
            behind = rows[doublings == group]
            since = int(self._compared[behind].min())
            closest = self._context.similarity(self._vectors[behind], self._vectors[picks[since:]], self._distance)
            self._known[behind] = np.maximum(self._known[behind], closest.reduce("max"))


def _least(values: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """The rows of the `count` least values, equal ones by row; ascending rows."""
    greatest = np.partition(values, count - 1)[count - 1]
    below = np.flatnonzero(values < greatest)
    level = np.flatnonzero(values == greatest)[: count - len(below)]
    return np.sort(np.concatenate([below, level]))


def _similarity_to_mean(context: ArrangeContext, vectors: Vectors, distance: Measure) -> NDArray[np.float64]:
    """The similarity of each vector to the mean of all, float64 `[N]`; 0 where the mean is 0 and has no cosine."""
    mean = vectors.mean(axis=0, dtype=np.float64, keepdims=True).astype(np.float32)
    if distance == "cosine" and not mean.any():
        return np.zeros(len(vectors))
    return context.similarity(vectors, mean, distance).reduce("max")
