"""Whether a few training examples are everybody's neighbours.

Hubness is the skewness of the k-occurrence N_k: of how many queries an example is among the k nearest. Source:
Radovanović, Nanopoulos & Ivanović (2010), *Hubs in Space*, Journal of Machine Learning Research 11. Around 0 it is
even; the greater it is, the more a method that takes nearest neighbours keeps to the same few examples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_K: Final = 10
_HUBS: Final = 3


@dataclass(frozen=True, slots=True)
class Hubness:
    """How evenly neighbourhoods are shared out.

    Attributes:
        k: Neighbours of each query.
        queries: How many.
        skewness: Of the k-occurrence over the pool; None where the pool is no larger than k.
        orphans: The share of the pool that is nobody's neighbour.
        hubs: The examples that are most often a neighbour, with how often.
    """

    k: int
    queries: int
    skewness: float | None
    orphans: float
    hubs: dict[str, int]


def hubness(pool: NDArray[np.float32], queries: NDArray[np.float32], ids: list[str], k: int = _K) -> Hubness:
    """How evenly the queries' neighbourhoods are shared out over the pool, by cosine.

    Args:
        pool: Vectors `[N, d]`.
        queries: Vectors `[M, d]`.
        ids: The pool's.
        k: Neighbours of each query.
    """
    from zsg_harness.services.similarity import BlockwiseSimilarity

    k = min(k, len(pool))
    nearest = BlockwiseSimilarity(pool, queries).top_k(k).rows
    occurrence = np.bincount(nearest.ravel(), minlength=len(pool))
    most = np.argsort(-occurrence, kind="stable")[:_HUBS]
    hubs = {ids[row]: int(occurrence[row]) for row in most.tolist()}
    return Hubness(k, len(queries), _skewness(occurrence), float((occurrence == 0).mean()), hubs)


def _skewness(values: NDArray[np.int64]) -> float | None:
    spread = float(values.std())
    return float((((values - values.mean()) / spread) ** 3).mean()) if spread else None
