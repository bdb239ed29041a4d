"""Doubly greedy, against the greedy choice of pairs that gives it its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.doubly_greedy import DoublyGreedy
from zsg_plugins.arrangements.nft import NearestFirst
from zsg_registry import Access, Need, ZsgError

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 14), "m": st.integers(1, 6)}
Fixture = Callable[..., Any]


@given(kind=kinds, dist=distances, seed=seeds, **sizes)
def test_of_all_remaining_pairs_the_nearest_is_taken(
    vectors: Fixture, context_of: Fixture, distance: Fixture, kind: str, dist: str, n: int, m: int, seed: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    remaining, picks = list(range(n)), []
    while remaining:
        far, y = min((distance(pool[y], x, dist), y) for y in remaining for x in query)
        remaining.remove(y)
        picks.append((y, np.float32(far)))
    component, nearest = DoublyGreedy(distance=dist), NearestFirst(measure="min", distance=dist)
    for budget in range(1, n + 1):
        order = component.arrange(context_of(component, pool, query, budget=budget))
        assert list(zip(order.indices, order.scores, strict=True)) == picks[:budget]
    assert order.indices.tolist() == nearest.arrange(context_of(nearest, pool, query)).indices.tolist()


def test_declarations(context_of: Fixture) -> None:
    component = DoublyGreedy()
    assert (component.access, component.needs, component.stochastic) == (Access.ANSWERS, {Need.EMBEDDER}, False)
    assert DoublyGreedy(view="prompt").access is Access.PROMPTS
    with pytest.raises(ZsgError, match="no query examples"):
        component.arrange(context_of(component, np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32)))
