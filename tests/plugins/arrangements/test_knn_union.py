"""The union of neighbourhoods, against a count with plain loops for every k."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.knn_union import KnnUnion
from zsg_registry import Access, Need, ZsgError, bind, parse_reference

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 14), "m": st.integers(1, 6)}
Fixture = Callable[..., Any]


def ranked_union(each: list[list[float]], k: int) -> list[tuple[int, int]]:
    """Examples wanted by one of the queries, the most wanted first: position and number of queries.

    `each` holds for every query the distance of each example.
    """
    wanted: dict[int, list[float]] = {}
    for far in each:
        for y in sorted(range(len(far)), key=lambda y: (far[y], y))[:k]:
            wanted.setdefault(y, []).append(far[y])
    ranked = sorted(wanted, key=lambda y: (-len(wanted[y]), min(wanted[y]), y))
    return [(y, len(wanted[y])) for y in ranked]


@given(kind=kinds, dist=distances, seed=seeds, **sizes)
def test_the_smallest_k_that_fills_the_budget_is_taken(
    vectors: Fixture, context_of: Fixture, distance: Fixture, kind: str, dist: str, n: int, m: int, seed: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    each = [[distance(y, x, dist) for y in pool] for x in query]
    component = KnnUnion(distance=dist)
    for budget in range(1, n + 1):
        expected = next(union for k in range(1, n + 1) if len(union := ranked_union(each, k)) >= budget)
        order = component.arrange(context_of(component, pool, query, budget=budget))
        assert list(zip(order.indices, order.scores, strict=True)) == expected[:budget]


@given(kind=kinds, k=st.integers(1, 16), seed=seeds, **sizes)
def test_a_given_k_is_kept_to_and_may_underfill(
    vectors: Fixture, context_of: Fixture, distance: Fixture, kind: str, k: int, n: int, m: int, seed: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    each = [[distance(y, x, "cosine") for y in pool] for x in query]
    component = KnnUnion(k=k)
    assert component.may_underfill
    assert not KnnUnion().may_underfill
    for budget in {n, (n + 1) // 2}:
        order = component.arrange(context_of(component, pool, query, budget=budget))
        assert list(zip(order.indices, order.scores, strict=True)) == ranked_union(each, k)[:budget]


def test_lists_are_lengthened_until_the_union_reaches_the_budget(context_of: Fixture) -> None:
    # Five equal queries want the same examples, so that k must be the budget: far more than their share of it.
    angles = np.linspace(0, 3, 90)
    pool, query = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32), np.float32([[1, 0]] * 50)
    component = KnnUnion()
    order = component.arrange(context_of(component, pool, query, budget=80))
    assert order.indices.tolist() == list(range(80))
    assert set(order.scores.tolist()) == {50.0}


def test_of_equally_wanted_examples_the_nearest_to_one_who_wants_it_is_first(context_of: Fixture) -> None:
    pool = np.array([[0.6, 0.8], [0, 1], [1, 0]], np.float32)
    query = np.array([[1, 0], [0.1, 1]], np.float32)  # they want 2 (at distance -1) and 1 (a little farther)
    component = KnnUnion(k=1)
    assert component.arrange(context_of(component, pool, query)).indices.tolist() == [2, 1]


def test_declarations(context_of: Fixture) -> None:
    component = KnnUnion()
    assert (component.access, component.needs, component.stochastic) == (Access.ANSWERS, {Need.EMBEDDER}, False)
    assert KnnUnion(view="prompt").access is Access.PROMPTS
    with pytest.raises(ZsgError, match="no query examples"):
        component.arrange(context_of(component, np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32)))
    with pytest.raises(ZsgError, match="parameter 'k': should be greater than 0, got 0"):
        bind(KnnUnion, parse_reference("knn-union[k=0]"))
