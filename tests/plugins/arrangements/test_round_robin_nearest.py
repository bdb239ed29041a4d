"""Round-robin over the query, against the definition with plain loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from zsg_plugins.arrangements.round_robin_nearest import RoundRobinNearest
from zsg_registry import Access, Need, ZsgError

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 14), "m": st.integers(1, 6)}
Fixture = Callable[..., Any]


@example(kind="positive", dist="cosine", seed=1068, n=9, m=6)  # a distance in the middle between two float32
@given(kind=kinds, dist=distances, seed=seeds, **sizes)
def test_queries_pick_in_turn_their_nearest_remaining_example(
    vectors: Fixture, context_of: Fixture, distance: Fixture, kind: str, dist: str, n: int, m: int, seed: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    remaining, picks = list(range(n)), []
    while remaining:
        picker = len(picks) % m
        far, y = min((distance(pool[y], query[picker], dist), y) for y in remaining)
        remaining.remove(y)
        picks.append((y, len(picks) // m, np.float32(far)))
    component = RoundRobinNearest(distance=dist)
    for budget in range(1, n + 1):
        order = component.arrange(context_of(component, pool, query, budget=budget))
        assert list(zip(order.indices, order.stages, order.scores, strict=True)) == picks[:budget]


def test_picks_are_sequential_so_the_second_query_takes_what_the_first_left(context_of: Fixture) -> None:
    pool = np.array([[1, 0], [0.99, 0.14], [0, 1]], np.float32)
    query = np.array([[1, 0.01], [1, -0.01]], np.float32)  # both are nearest to 0, then to 1, then to 2
    component = RoundRobinNearest()
    order = component.arrange(context_of(component, pool, query))
    assert order.indices.tolist() == [0, 1, 2]
    assert order.stages.tolist() == [0, 0, 1]


def test_declarations(context_of: Fixture) -> None:
    component = RoundRobinNearest()
    assert (component.access, component.needs, component.stochastic) == (Access.ANSWERS, {Need.EMBEDDER}, False)
    assert RoundRobinNearest(view="prompt").access is Access.PROMPTS
    with pytest.raises(ZsgError, match="no query examples"):
        component.arrange(context_of(component, np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32)))
