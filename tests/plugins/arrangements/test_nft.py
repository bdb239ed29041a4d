"""Nearest and farthest first, against distances computed pair by pair."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.nft import FarthestFirst, NearestFirst
from zsg_registry import Access, ContractError, Need, ZsgError
from zsg_registry.testing import NaiveContext, example_set

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
measures = st.sampled_from(["wsd", "avg", "min", "max", "centroid"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
Fixture = Callable[..., Any]


@given(kind=kinds, measure=measures, dist=distances, n=st.integers(1, 12), m=st.integers(1, 9), seed=seeds)
def test_the_order_is_that_of_the_naive_distances_ties_to_the_lowest_index(
    vectors: Fixture,
    context_of: Fixture,
    naive_distances: Fixture,
    kind: str,
    measure: str,
    dist: str,
    n: int,
    m: int,
    seed: int,
) -> None:
    pool, query = vectors(kind, n, m, seed)
    if measure == "centroid" and dist == "cosine" and not query.mean(axis=0).any():
        return  # opposite query examples have no centre; see below
    expected = naive_distances(pool, query, measure, dist)
    for arrangement, sign in ((NearestFirst, 1), (FarthestFirst, -1)):
        component = arrangement(measure=measure, distance=dist)
        order = component.arrange(context_of(component, pool, query))
        assert order.indices.tolist() == sorted(range(n), key=lambda i: (sign * expected[i], i))
        np.testing.assert_allclose(order.scores, np.array(expected)[order.indices], rtol=1.2e-7, atol=1e-12)
        cut = component.arrange(context_of(component, pool, query, budget=(n + 1) // 2))
        assert cut.indices.tolist() == order.indices.tolist()[: (n + 1) // 2]


def test_farthest_first_is_not_the_reverse_of_nearest_first_under_ties(context_of: Fixture) -> None:
    pool, query = np.ones((3, 2), np.float32), np.ones((1, 2), np.float32)
    for arrangement in (NearestFirst(), FarthestFirst()):
        assert arrangement.arrange(context_of(arrangement, pool, query)).indices.tolist() == [0, 1, 2]


@given(n=st.integers(1, 7), m=st.integers(1, 4), dist=distances, seed=seeds)
def test_every_prefix_of_a_sort_by_avg_is_optimal_in_avg(
    vectors: Fixture, context_of: Fixture, naive_distances: Fixture, n: int, m: int, dist: str, seed: int
) -> None:
    """The part of the paper's Theorem B.1 that holds for avg: no other t examples are nearer on average."""
    pool, query = vectors("random", n, m, seed)
    nearest = NearestFirst(measure="avg", distance=dist)
    order = nearest.arrange(context_of(nearest, pool, query)).indices.tolist()
    each = naive_distances(pool, query, "avg", dist)
    for t in range(1, n + 1):
        best = min(sum(each[i] for i in chosen) for chosen in itertools.combinations(range(n), t))
        assert sum(each[i] for i in order[:t]) <= best + 1e-9


@given(n=st.integers(1, 8), m=st.integers(1, 4), cut=st.integers(0, 8), seed=seeds)
def test_the_least_distance_of_a_prefix_never_rises_and_decomposes(
    vectors: Fixture, context_of: Fixture, n: int, m: int, cut: int, seed: int
) -> None:
    """The part of Theorem B.1 that holds for min, under any order; sorted by it, the first example attains it."""
    pool, query = vectors("random", n, m, seed)
    farthest, nearest = FarthestFirst(measure="min"), NearestFirst(measure="min")
    each = farthest.arrange(context_of(farthest, pool, query)).scores.tolist()
    prefixes = [min(each[:t]) for t in range(1, n + 1)]
    assert prefixes == sorted(prefixes, reverse=True)
    assert min(each) == min([min(part) for part in (each[:cut], each[cut:]) if part])
    assert nearest.arrange(context_of(nearest, pool, query)).scores[0] == min(each)


def test_the_weight_is_the_papers_where_it_means_something(context_of: Fixture) -> None:
    # Cosines to the two queries: 1 and .6, .8 and .96, .6 and 1.
    pool = np.array([[1, 0], [0.8, 0.6], [0.6, 0.8]], np.float32)
    query = np.array([[1, 0], [0.6, 0.8]], np.float32)
    nearest = NearestFirst()
    order = nearest.arrange(context_of(nearest, pool, query))
    weight = (2.96 / 3) / (2.48 / 3)
    expected = np.array([-1 - weight * 0.8, -0.96 - weight * 0.88, -1 - weight * 0.8])
    assert order.indices[0] == 1  # nearest on average, though not nearest to any one
    np.testing.assert_allclose(order.scores, expected[order.indices], rtol=1e-6)


@pytest.mark.parametrize(
    "query",
    [
        [[1, 0], [-0.8, 0.6]],  # the mean cosine is negative: the paper's weight would prefer what is far on average
        [[1, 0], [-1, 0]],  # it is zero: there is no weight
        [[1, 0], [-0.9999, 0.01]],  # it is nearly zero: the weight would leave nothing of the least distance
    ],
)
def test_the_weight_is_one_where_the_mean_cosine_is_near_zero_or_below(
    query: list[list[float]], context_of: Fixture, distance: Fixture
) -> None:
    pool, queries = np.array([[1, 0], [0.05, -1], [0.6, -0.8]], np.float32), np.array(query, np.float32)
    each = np.array([[distance(x, y, "cosine") for y in queries] for x in pool])
    least, mean = each.min(axis=1), each.mean(axis=1)
    assert not 0 < np.divide(least.mean(), mean.mean() or np.inf) <= 100
    nearest = NearestFirst()
    order = nearest.arrange(context_of(nearest, pool, queries))
    np.testing.assert_allclose(order.scores, np.sort(least + mean), rtol=1e-6)


@pytest.mark.parametrize("view", ["prompt", "instruction", "completion", "both"])
def test_only_the_access_that_the_view_needs_is_declared(view: str, context_of: Fixture) -> None:
    pool, query = np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)[:1]
    needed = Access.ANSWERS if view in ("completion", "both") else Access.PROMPTS
    for component in (NearestFirst(view=view), FarthestFirst(view=view)):
        assert (component.access, component.needs, component.stochastic) == (needed, {Need.EMBEDDER}, False)
        assert len(component.arrange(context_of(component, pool, query))) == 3
        if needed is Access.ANSWERS:
            with pytest.raises(ContractError, match="withheld"):
                component.arrange(context_of(component, pool, query, access=Access.PROMPTS))


def test_without_a_query_example_there_is_nothing_to_be_near_to(context_of: Fixture) -> None:
    component = NearestFirst()
    with pytest.raises(ZsgError, match="no query examples"):
        component.arrange(context_of(component, np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32)))


def test_opposite_query_examples_have_no_centre(context_of: Fixture) -> None:
    component = NearestFirst(measure="centroid")
    with pytest.raises(ContractError, match="it has no cosine"):
        component.arrange(context_of(component, np.eye(2, dtype=np.float32), np.array([[1, 0], [-1, 0]], np.float32)))


def test_the_texts_of_the_pool_do_not_matter_to_a_prompt_view() -> None:
    pool = example_set([None] * 2, completions=["a", "b"])
    query = example_set([None], prefix="query-", side="unseen")
    component = NearestFirst(view="prompt")
    embeddings = {"pool": np.eye(2), "query": np.eye(2)[1:]}
    order = component.arrange(NaiveContext.of(component, pool, query, embeddings=embeddings))
    assert order.indices.tolist() == [1, 0]
