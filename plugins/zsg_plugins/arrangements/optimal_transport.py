"""Optimal transport from the pool to the query: how much an example takes part in it is its score."""

from __future__ import annotations

import os
from importlib.util import find_spec
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.arrangements.distances import ComparedToQuery, similarity_to_query
from zsg_registry import ArrangeContext, Order, Similarity, ZsgError

_INSTALL: Final = "pip install 'zsg-harness[transport]'"
_LARGEST_COST_MATRIX: Final = 2**25
"""Entries: 256 MiB of float64, of which the solver needs about four."""
_ITERATIONS: Final = 1000
_TOLERANCE: Final = 1e-9
_LEAST: Final = 1e-300


class OptimalTransport(ComparedToQuery):
    """Examples that send the most mass when the pool is transported onto the query first (OT and UOT).

    The query's mass is uniform, 1/M for each of its examples, and is always met in full. The cost of a pair is
    (1 − cosine) / 2, or with `distance=euclidean` the distance over the greatest one, so that it lies in [0, 1]. The
    plan T minimises `⟨T, cost⟩ + regularization · KL(T ‖ marginals' product)`; an example's score is the mass it sends.
    If every pool example had to send 1/N, all scores would be equal; so the pool's side is relaxed, in one of two ways:

    - "unbalanced" adds `marginal · KL(masses sent ‖ uniform)`: UOT as in Nayak et al., "A Critical Look at Targeted
      Instruction Selection" (arXiv 2602.14696), with the defaults of its code. By Chizat et al., "Scaling algorithms
      for unbalanced optimal transport problems" (2018).
    - "balanced" lets each example send at most 1/budget, so that the mass lies on the best `budget` examples, each
      about equally used. This partial transport is balanced once a dummy query example, which costs nothing, takes
      what is left (Chapel, Alaya and Gasso, "Partial Optimal Transport with Applications on Positive-Unlabeled
      Learning", arXiv 2002.08276, proposition 1). With the whole pool as the budget it is plain balanced transport,
      where all scores are equal.

    Equal masses (to 9 decimals of 1/budget): the nearest to any query example first, then the first in the pool. Only
    a shortlist is transported, the nearest examples of each query example (`candidates`); its cost matrix is dense,
    limited to 2²⁵ entries, about 1 GiB in all (or M², for M > 5,792). The rest of the pool sends nothing and comes
    last, nearest first.
    Sinkhorn's algorithm ends when the marginals are met to 1e-9, or after 1,000 iterations.
    """

    class Params(ComparedToQuery.Params):
        """Which transport problem is solved."""

        balance: Literal["unbalanced", "balanced"] = "unbalanced"
        """What holds the pool's masses together: a penalty for not being uniform, or a limit of 1/budget."""
        regularization: float = Field(default=0.01, ge=0.002)
        """Weight of the entropy, in units of the cost (from 0 to 1): greater ones spread the mass more. Below 0.002
        the solver would leave the range of float64."""
        marginal: float = Field(default=1e-4, gt=0, le=0.1)
        """With `balance=unbalanced`: weight of the penalty; greater ones make the masses more uniform."""
        candidates: int = Field(default=64, ge=1)
        """Nearest pool examples of each query example on the shortlist: at least as many as make up twice the budget,
        and fewer where the cost matrix would become too large."""

    params: Params

    def unavailable(self) -> str | None:
        """Tells how to install the solver, where it is not."""
        return None if find_spec("ot") else f"the package POT is not installed: {_INSTALL}"

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by mass, then by the nearest query example."""
        similarity = similarity_to_query(context, self.params.distance, self.params.view)
        rows = self._shortlist(context, similarity)
        mass = np.zeros(len(context.pool))
        mass[rows] = self._masses(self._costs(context, rows), context.budget)
        order = np.lexsort((-similarity.reduce("max"), -np.round(mass * context.budget, 9)))
        return Order(order, scores=mass[order].astype(np.float32)).head(context.budget)

    def _shortlist(self, context: ArrangeContext, similarity: Similarity) -> NDArray[np.int64]:
        """The rows that are transported, ascending."""
        queries = len(context.query)
        wanted = max(self.params.candidates, -(-2 * context.budget // queries))
        k = max(1, min(wanted, _LARGEST_COST_MATRIX // queries**2))
        return np.unique(similarity.top_k(min(k, len(context.pool))).rows)

    def _costs(self, context: ArrangeContext, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """The dense costs of some rows against every query example, float64 `[L, M]`, in [0, 1]."""
        from scipy.spatial.distance import cdist

        # In float64: the exponential of the costs would magnify float32's rounding, which depends on the block size.
        pool, query = (context.embeddings(role, self.params.view) for role in ("pool", "query"))
        distances = cdist(pool[rows], query, self.params.distance)
        greatest = 2 if self.params.distance == "cosine" else distances.max()
        costs: NDArray[np.float64] = np.maximum(distances, 0) / (greatest or 1)
        return costs

    def _masses(self, costs: NDArray[np.float64], budget: int) -> NDArray[np.float64]:
        """What each row of the costs sends, float64 `[L]`, in all 1."""
        ot = _solver()
        rows, columns = costs.shape
        limits: dict[str, Any] = {"numItermax": _ITERATIONS, "stopThr": _TOLERANCE}
        query = np.full(columns, 1 / columns)
        if self.params.balance == "unbalanced":
            relaxed = (self.params.marginal, np.inf)
            pool = np.full(rows, 1 / rows)
            plan = ot.unbalanced.sinkhorn_unbalanced(
                pool, query, costs, self.params.regularization, relaxed, reg_type="kl", **limits
            )
        else:
            senders = min(rows, budget)
            pool = np.full(rows, 1 / senders)
            with_dummy = np.pad(costs, ((0, 0), (0, 1)))
            filled = np.append(query, rows / senders - 1)
            plan = ot.sinkhorn(pool, filled, with_dummy, self.params.regularization, warn=False, **limits)
            plan = _feasible(plan, pool, filled)[:, :columns]
        masses: NDArray[np.float64] = plan.sum(axis=1)
        return masses


def _feasible(
    plan: NDArray[np.float64], sent: NDArray[np.float64], received: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The plan with exactly these sums: Sinkhorn's iterations come near them, and slowly where two plans tie.

    Altschuler, Weed, Rigollet, "Near-linear time approximation algorithms for optimal transport via Sinkhorn iteration"
    (arXiv 1705.09634), algorithm 2.
    """
    plan = plan * np.minimum(sent / np.maximum(plan.sum(axis=1), _LEAST), 1)[:, None]
    plan = plan * np.minimum(received / np.maximum(plan.sum(axis=0), _LEAST), 1)
    unsent, missing = sent - plan.sum(axis=1), received - plan.sum(axis=0)
    filled: NDArray[np.float64] = plan + np.outer(unsent, missing) / max(unsent.sum(), _LEAST)
    return filled


def _solver() -> Any:
    """The package POT, without the other array libraries that it would import where they are installed."""
    for library in ("PYTORCH", "TENSORFLOW", "JAX", "CUPY"):
        os.environ.setdefault(f"POT_BACKEND_DISABLE_{library}", "1")
    try:
        import ot
    except ImportError:
        raise ZsgError(f"arrangement 'optimal-transport' needs the package POT: {_INSTALL}") from None
    return ot
