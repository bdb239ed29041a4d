"""Inputs that arrangements meet: random, clustered, tied, duplicated and degenerate ones."""

from __future__ import annotations

import math
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


def _unit(vector: np.ndarray) -> np.ndarray:
    wide = vector.astype(np.float64)
    return (wide / math.sqrt((wide * wide).sum())).astype(np.float32).astype(np.float64)


def _distance(x: np.ndarray, y: np.ndarray, kind: str) -> float:
    """To the 12 decimals of a pair's value, so that equal pairs are equal, and scores are the same float32."""
    if kind == "cosine":
        return round(-float((_unit(x) * _unit(y)).sum()), 12)
    return round(math.sqrt(((x.astype(np.float64) - y.astype(np.float64)) ** 2).sum()), 12)


def _rounded(values: list[float]) -> list[float]:
    """To the 12 decimals of `Similarity.reduce`, so that equal means are equal however they were summed."""
    return np.round(values, 12).tolist()


def _naive_distances(vectors: Vectors, query: Vectors, measure: str, kind: str) -> list[float]:
    if measure == "centroid":
        centre = np.mean(query.astype(np.float64), axis=0).astype(np.float32)
        return _rounded([_distance(x, centre, kind) for x in vectors])
    each = [[_distance(x, y, kind) for y in query] for x in vectors]
    if measure in ("min", "max"):
        return _rounded([(min if measure == "min" else max)(row) for row in each])
    average = _rounded([float(np.mean(row)) for row in each])
    if measure == "avg":
        return average
    least = _rounded([min(row) for row in each])
    md, ad = float(np.mean(least)), float(np.mean(average))
    weight = md / ad if ad != 0 and 0 < md / ad <= 100 else 1.0
    return [m + weight * a for m, a in zip(least, average, strict=True)]


@pytest.fixture(scope="session")
def distance() -> Callable[[Vectors, Vectors, str], float]:
    """`distance(x, y, kind)` is d of two examples: minus the cosine, or Euclidean."""
    return _distance


@pytest.fixture(scope="session")
def naive_distances() -> Callable[[Vectors, Vectors, str, str], list[float]]:
    """`naive_distances(vectors, query, measure, kind)`: the paper's distances, straight from their definitions."""
    return _naive_distances
