"""Farthest-first traversal, against the definition with plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.k_center import KCenter
from zsg_registry import Access, Need, ZsgError

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 14), "m": st.integers(1, 6)}
Fixture = Callable[..., Any]


class InSmallSteps(KCenter):
    """So few candidates at once that small pools take many steps."""

    candidates = 3


def farthest_first(pool: np.ndarray, centres: list[float], far: Callable[[int, int], float]) -> list[tuple[int, float]]:
    """Picks and the distance of each to the nearest centre before it; `centres` are the distances at the start."""
    nearest, picks = list(centres), []
    remaining = set(range(len(pool)))
    while remaining:
        y = min(remaining, key=lambda y: (-nearest[y], y))
        picks.append((y, nearest[y]))
        remaining.remove(y)
        nearest = [min(known, far(i, y)) for i, known in enumerate(nearest)]
    return picks


def tabulated(pool: np.ndarray, distance: Fixture, dist: str) -> Callable[[int, int], float]:
    table = [[round(distance(x, y, dist), 12) for y in pool] for x in pool]
    return lambda i, j: table[i][j]


@pytest.mark.parametrize("arrangement", [KCenter, InSmallSteps])
@given(kind=kinds, dist=distances, seed=seeds, **sizes)
def test_from_the_query_each_pick_is_the_farthest_from_all_before(
    arrangement: type[KCenter],
    vectors: Fixture,
    context_of: Fixture,
    distance: Fixture,
    kind: str,
    dist: str,
    n: int,
    m: int,
    seed: int,
) -> None:
    pool, query = vectors(kind, n, m, seed)
    start = [min(round(distance(y, x, dist), 12) for x in query) for y in pool]
    expected = farthest_first(pool, start, tabulated(pool, distance, dist))
    component = arrangement(start="query", distance=dist)
    for budget in range(1, n + 1):
        order = component.arrange(context_of(component, pool, query, budget=budget))
        assert order.indices.tolist() == [y for y, _ in expected[:budget]]
        np.testing.assert_allclose(order.scores, [far for _, far in expected[:budget]], rtol=1.2e-7, atol=1e-12)


@pytest.mark.parametrize("arrangement", [KCenter, InSmallSteps])
@given(kind=kinds, dist=distances, seed=seeds, n=sizes["n"])
def test_from_the_mean_the_first_pick_is_the_nearest_to_it(
    arrangement: type[KCenter],
    vectors: Fixture,
    context_of: Fixture,
    distance: Fixture,
    kind: str,
    dist: str,
    n: int,
    seed: int,
) -> None:
    pool, query = vectors(kind, n, 1, seed)
    mean = np.mean(pool.astype(np.float64), axis=0).astype(np.float32)
    has_distance = dist == "euclidean" or mean.any()
    to_mean = [round(distance(x, mean, dist), 12) if has_distance else 0.0 for x in pool]
    first = min(range(n), key=lambda i: (to_mean[i], i))
    far = tabulated(pool, distance, dist)
    rest = farthest_first(pool, [math.inf if i == first else far(i, first) for i in range(n)], far)
    assert rest.pop(0)[0] == first
    component = arrangement(distance=dist)
    order = component.arrange(context_of(component, pool, query))
    assert order.indices.tolist() == [first, *(y for y, _ in rest)]
    np.testing.assert_allclose(order.scores, [to_mean[first], *(far for _, far in rest)], rtol=1.2e-7, atol=1e-12)


@pytest.mark.parametrize("kind", ["random", "clustered", "tied", "duplicated"])
def test_a_pool_larger_than_what_is_compared_at_once(kind: str, vectors: Fixture, context_of: Fixture) -> None:
    pool, query = vectors(kind, 1500, 1, 0)
    component = KCenter()
    order = component.arrange(context_of(component, pool, query, budget=1300))
    wide = pool.astype(np.float64)
    unit = (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32).astype(np.float64)
    table = np.round((unit[:, None, :] * unit[None]).sum(axis=2), 12)
    picks = [int(order.indices[0])]
    nearest = table[picks[0]].copy()
    while len(picks) < 1300:
        nearest[picks] = np.inf
        picks.append(int(np.argmin(nearest)))
        nearest = np.maximum(nearest, table[picks[-1]])
    assert order.indices.tolist() == picks


@given(kind=kinds, seed=seeds, n=st.integers(2, 14))
def test_distances_of_picks_fall_and_every_prefix_covers_the_pool_within_the_next(
    vectors: Fixture, context_of: Fixture, distance: Fixture, kind: str, n: int, seed: int
) -> None:
    """What makes the traversal a 2-approximation: t picks cover the pool within the distance of the next pick."""
    pool, query = vectors(kind, n, 1, seed)
    component = KCenter(distance="euclidean")
    order = component.arrange(context_of(component, pool, query))
    distances, picks = order.scores.tolist()[1:], order.indices.tolist()
    assert distances == sorted(distances, reverse=True)
    for t, radius in enumerate(distances, start=1):
        covered = max(min(distance(x, pool[y], "euclidean") for y in picks[:t]) for x in pool)
        assert covered == pytest.approx(radius, abs=1e-6)


def test_declarations(context_of: Fixture) -> None:
    component = KCenter()
    assert (component.access, component.needs, component.stochastic) == (Access.NONE, {Need.EMBEDDER}, False)
    assert KCenter(start="query").access is Access.ANSWERS
    assert KCenter(start="query", view="prompt").access is Access.PROMPTS
    pool, nothing = np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32)
    assert len(component.arrange(context_of(component, pool, nothing))) == 3
    with pytest.raises(ZsgError, match="no query examples"):
        KCenter(start="query").arrange(context_of(KCenter(start="query"), pool, nothing))
