"""Coarse-grained orders, against task means and their distances with plain loops."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from zsg_plugins.arrangements.coarse import Coarse
from zsg_registry import Access, ContractError, Need, ZsgError
from zsg_registry.testing import NaiveContext, example_set

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 14), "m": st.integers(1, 6)}
Fixture = Callable[..., Any]


def with_tasks(component: Any, pool: np.ndarray, query: np.ndarray, tasks: list[str], **options: Any) -> NaiveContext:
    queries = example_set([None] * len(query), side="unseen", prefix="query-")
    embeddings = {"pool": pool, "query": query}
    return NaiveContext.of(component, example_set(tasks), queries, embeddings=embeddings, **options)


def members_of(tasks: list[str]) -> dict[str, list[int]]:
    return {task: [i for i, other in enumerate(tasks) if other == task] for task in dict.fromkeys(tasks)}


@given(
    kind=kinds,
    dist=distances,
    measure=st.sampled_from(["wsd", "avg", "min", "max", "centroid"]),
    tasks=st.lists(st.sampled_from("abcd"), min_size=1, max_size=14),
    m=sizes["m"],
    seed=seeds,
)
def test_tasks_are_sorted_by_the_distance_of_their_mean_and_emitted_whole(
    vectors: Fixture,
    naive_distances: Fixture,
    kind: str,
    dist: str,
    measure: str,
    tasks: list[str],
    m: int,
    seed: int,
) -> None:
    pool, query = vectors(kind, len(tasks), m, seed)
    members = members_of(tasks)
    means = np.array([sum(pool[i].astype(np.float64) for i in rows) / len(rows) for rows in members.values()])
    means = means.astype(np.float32)
    assume(dist == "euclidean" or (means.any(axis=1).all() and query.mean(axis=0).any()))  # a zero has no cosine
    far = dict(zip(members, naive_distances(means, query, measure, dist), strict=True))
    for direction, sign in (("nearest", 1), ("farthest", -1)):
        component = Coarse(direction=direction, measure=measure, distance=dist)
        order = component.arrange(with_tasks(component, pool, query, tasks))
        expected = [i for task in sorted(members, key=lambda task: sign * far[task]) for i in members[task]]
        assert order.indices.tolist() == expected
        assert [order.stage_names[stage] for stage in order.stages] == [tasks[i] for i in expected]
        # Equal to 12 decimals, they may still be rounded to neighbouring float32.
        np.testing.assert_allclose(order.scores, [far[tasks[i]] for i in expected], rtol=1.2e-7, atol=1e-12)
        cut = component.arrange(with_tasks(component, pool, query, tasks, budget=(len(tasks) + 1) // 2))
        assert cut.indices.tolist() == expected[: (len(tasks) + 1) // 2]


@given(tasks=st.lists(st.sampled_from("abcd"), min_size=1, max_size=14), seed=seeds)
def test_shuffled_tasks_stay_whole_and_depend_on_the_seed_alone(tasks: list[str], seed: int) -> None:
    component, members = Coarse(direction="shuffle"), members_of(tasks)
    context = NaiveContext.of(component, example_set(tasks), seed=seed)
    order = component.arrange(context)
    drawn = list(dict.fromkeys(tasks[i] for i in order.indices))
    assert order.indices.tolist() == [i for task in drawn for i in members[task]]
    assert component.arrange(context).indices.tolist() == order.indices.tolist()


def test_seeds_draw_among_the_orders_of_the_tasks() -> None:
    component = Coarse(direction="shuffle")
    draws = [component.arrange(NaiveContext.of(component, example_set("abcdef"), seed=seed)) for seed in range(5)]
    assert len({tuple(order.indices) for order in draws}) == 5


def test_declarations(vectors: Fixture) -> None:
    component = Coarse()
    assert (component.access, component.stochastic) == (Access.ANSWERS, False)
    assert component.needs == {Need.EMBEDDER, Need.TASKS}
    assert Coarse(view="instruction").access is Access.PROMPTS
    shuffled = Coarse(direction="shuffle")
    assert (shuffled.access, shuffled.needs, shuffled.stochastic) == (Access.NONE, {Need.TASKS}, True)
    pool, query = vectors("random", 3, 2, 0)
    with pytest.raises(ContractError, match="withheld"):
        component.arrange(with_tasks(component, pool, query, ["a", "b", "b"], access=Access.PROMPTS))
    with pytest.raises(ZsgError, match="no query examples"):
        component.arrange(with_tasks(component, pool, query[:0], ["a", "b", "b"]))
