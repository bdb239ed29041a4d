"""TSDS: draws from an optimal transport that spreads each query example's mass, and thinly over near-duplicates."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.arrangements.distances import ComparedToQuery, similarity_to_query
from zsg_registry import ArrangeContext, Measure, Order, Similarity

_COLUMNS: Final = 1024
_DECIMALS: Final = 9


class TaskSpecificSelection(ComparedToQuery):
    """Draws examples by how well they, near-duplicates counted as one, stand for the unseen tasks (TSDS, KNN-KDE).

    Liu, Karbasi and Rekatsinas, "TSDS: Data Selection for Task-Specific Model Finetuning" (arXiv 2410.11303). The M
    query examples have mass 1/M each. γ_ij, what query example i sends to pool example j, minimises

        α/C · Σ_ij γ_ij d_ij + (1 − α) · M · max_ij ρ_j γ_ij

    with d the distance and ρ_j the kernel density at j, so that near-duplicates share what a single example would
    get. (The second term is the paper's G_KDE up to a constant, unless the plan covers most of the pool.) The optimum
    has a closed form: query example i fills its nearest neighbours in turn with 1/(M s ρ_j) each, with one s for all.
    Example j is drawn with probability Σ_i γ_ij, which is its score.

    The densities are taken among the candidates, as in the authors' code: all that were fetched for some query
    example, `k` for each, or as many as make up twice the budget. One whose list is used up spreads its mass over the
    list in proportion to 1/ρ; as long as no list is used up, the optimum is that of all candidates. Where fewer than
    `budget` examples have mass, s is raised (as a smaller α would) until enough have. Drawn without replacement, the
    order is that of the draw; should the budget exceed all candidates, the rest follow with score 0, nearest first.
    """

    class Params(ComparedToQuery.Params):
        """The weights of the problem, by the paper's names. α and C are those of the authors' example."""

        alpha: float = Field(default=0.5, gt=0, le=1)
        """Near to the query (1: each query example sends all to its nearest neighbour), or diverse (towards 0)."""
        c: float = Field(default=5.0, gt=0)
        """The paper's C, which brings the two terms to one scale: of the order of an embedding's norm."""
        sigma: float = Field(default=0.3, ge=0)
        """Width of the kernel 1 − d²/σ²: examples nearer than this are near-duplicates. With 0 there are none, which
        is the paper's KNN-Uniform."""
        k: int = Field(default=200, ge=1)
        """Nearest pool examples that are fetched for each query example. The time for the densities grows with the
        square of the number of candidates."""
        kde_k: int = Field(default=100, ge=1)
        """At most so many near-duplicates, itself included, count in a density."""
        repeats: bool = False
        """Draw with replacement, as in the paper, so that an example may come several times."""

    params: Params
    stochastic = True

    @property
    def repeats(self) -> bool:
        """Only draws with replacement repeat."""
        return self.params.repeats

    def arrange(self, context: ArrangeContext) -> Order:
        """Draw `budget` examples."""
        similarity = similarity_to_query(context, self.params.distance, self.params.view)
        share = -(-2 * context.budget // len(context.query))
        fetched = similarity.top_k(min(max(self.params.k, share), len(context.pool)))
        distances = _distances(fetched.values, self.params.distance)
        problem = Transport.of(fetched.rows, distances, self._densities(context, fetched.rows))
        spread = problem.best_spread((1 - self.params.alpha) * self.params.c / self.params.alpha)
        if not self.params.repeats:
            spread = max(spread, problem.least_spread(context.budget))
        probabilities = problem.probabilities(spread, len(context.pool))
        order = self._draw(context, similarity, probabilities)
        return Order(order, scores=probabilities[order].astype(np.float32))

    def _draw(
        self, context: ArrangeContext, similarity: Similarity, probabilities: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        rng = context.rng()
        if self.params.repeats:
            return rng.choice(len(probabilities), size=context.budget, p=probabilities / probabilities.sum())
        # The greatest of log p + Gumbel noise are successive draws without replacement.
        with np.errstate(divide="ignore"):
            keys = np.log(probabilities) + rng.gumbel(size=len(probabilities))
        return np.lexsort((-similarity.reduce("max"), -keys))[: context.budget]

    def _densities(self, context: ArrangeContext, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The kernel density at each fetched example, in the shape of `rows`: 1 where it has no near-duplicate."""
        if self.params.sigma == 0:
            return np.ones(rows.shape)
        candidates, places = np.unique(rows, return_inverse=True)
        vectors = context.embeddings("pool", self.params.view)[candidates]
        densities = np.empty(len(candidates))
        for start in range(0, len(candidates), _COLUMNS):
            similarity = context.similarity(vectors, vectors[start : start + _COLUMNS], self.params.distance)
            near = similarity.top_k(min(self.params.kde_k, len(candidates))).values
            kernel = 1 - (_distances(near, self.params.distance) / self.params.sigma) ** 2
            densities[start : start + _COLUMNS] = np.maximum(kernel, 0).sum(axis=1)
        # An example's own kernel is 1, which float32 vectors miss where σ is tiny.
        return np.maximum(densities, 1)[places].reshape(rows.shape)


class Transport(NamedTuple):
    """The closed form over lists of neighbours, all arrays `[M, k]`, nearest first.

    At spread s, query example i gives its k-th neighbour what lies in [0, s] of the stretch from `starts` to `ends`,
    which is 1/ρ long, over M s. `gains` is by how much the derivative of the transport's cost rises when s passes
    an end.
    """

    rows: NDArray[np.int64]
    starts: NDArray[np.float64]
    ends: NDArray[np.float64]
    gains: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.int64], distances: NDArray[np.float64], densities: NDArray[np.float64]) -> Transport:
        """The problem of these neighbours, their distances d and their densities ρ."""
        # Rounded, so that ends which are equal compare as equal, whatever order sums were made in.
        ends = np.cumsum(1 / densities, axis=1).round(_DECIMALS)
        starts = np.hstack([np.zeros((len(ends), 1)), ends[:, :-1]])
        steps = np.diff(distances, axis=1, append=distances[:, -1:])
        return cls(rows, starts, ends, steps * ends)

    def best_spread(self, weight: float) -> float:
        """The s at the optimum: the first end at which the mean of the summed gains reaches `weight`.

        The cost is convex and piecewise linear in u = 1/s. Its slope is −Σ_i Σ_l (d_im − d_il) / ρ_l / M, where m is
        the neighbour of i that s falls into and l runs over those before; that of the regulariser is the weight.

        Args:
            weight: (1 − α) C / α.
        """
        order = np.argsort(self.ends, axis=None, kind="stable")
        totals = np.cumsum(self.gains.ravel()[order])
        place = min(int(np.searchsorted(totals, weight * len(self.rows))), len(order) - 1)
        return float(self.ends.ravel()[order[place]])

    def least_spread(self, examples: int) -> float:
        """The first end at which so many examples have mass, or the last one if there are not so many."""
        ends = np.sort(self.ends, axis=None)
        candidates, places = np.unique(self.rows, return_inverse=True)
        if examples > len(candidates):
            return float(ends[-1])
        reached = np.full(len(candidates), np.inf)
        np.minimum.at(reached, places.ravel(), self.starts.ravel())
        last = np.partition(reached, examples - 1)[examples - 1]
        return float(ends[np.searchsorted(ends, last, side="right")])

    def probabilities(self, spread: float, pool: int) -> NDArray[np.float64]:
        """Σ_i γ_ij for each example of the pool, float64 `[N]`, in all 1."""
        filled = np.minimum(self.ends, spread) - np.minimum(self.starts, spread)
        shares = filled / np.minimum(self.ends[:, -1:], spread) / len(self.rows)
        sums: NDArray[np.float64] = np.bincount(self.rows.ravel(), shares.ravel(), pool).astype(np.float64)
        return sums


def _distances(similarities: NDArray[np.float64], measure: Measure) -> NDArray[np.float64]:
    """Euclidean distances; for the cosine those of the normalised vectors, √(2 − 2 cos)."""
    if measure == "euclidean":
        return -similarities
    return np.sqrt(np.maximum(2 - 2 * similarities, 0))
