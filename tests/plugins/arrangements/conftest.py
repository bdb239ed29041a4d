"""Inputs that arrangements meet: random, clustered, tied, duplicated and degenerate ones."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from zsg_registry.testing import NaiveContext, example_set

Vectors = NDArray[np.float32]


def _vectors(kind: str, n: int, m: int, seed: int) -> tuple[Vectors, Vectors]:
    rng = np.random.default_rng(seed)
    both = rng.normal(size=(n + m, 5))
    if kind == "positive":
        both = np.abs(both)
    elif kind == "clustered":
        both = rng.normal(size=(3, 5))[rng.integers(3, size=n + m)] + 0.01 * both
    elif kind == "tied":  # signed unit vectors: every similarity is -1, 0 or 1, so that ties are everywhere and exact
        both = np.eye(4)[rng.integers(4, size=n + m)] * rng.choice([-1, 1], size=(n + m, 1))
    elif kind == "duplicated":
        both = both[rng.integers(min(3, n + m), size=n + m)]
    elif kind == "all equal":
        both = np.ones((n + m, 5))
    return both[:n].astype(np.float32), both[n:].astype(np.float32)


@pytest.fixture(scope="session")
def vectors() -> Callable[[str, int, int, int], tuple[Vectors, Vectors]]:
    """`vectors(kind, n, m, seed)`: embeddings of a pool of n and a query of m."""
    return _vectors


@pytest.fixture(scope="session")
def context_of() -> Callable[..., NaiveContext]:
    """`context_of(component, pool, query, …)`: just what the component declares, on examples with these vectors."""

    def context(component: object, pool: Vectors, query: Vectors, **options: object) -> NaiveContext:
        examples = example_set([None] * len(pool))
        queries = example_set([None] * len(query), side="unseen", prefix="query-")
        given = {"embeddings": {"pool": pool, "query": query}} | options
        return NaiveContext.of(component, examples, queries, **given)  # type: ignore[arg-type]

    return context
