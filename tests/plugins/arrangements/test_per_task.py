"""A share of every task, against plain sorting and sharing out one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.per_task import PerTask, shares
from zsg_registry import Access, Need, ZsgError
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


def dealt_out(sizes: list[int], budget: int) -> list[int]:
    """One at a time to each task in turn that still has some."""
    share = [0] * len(sizes)
    while budget:
        for task, size in enumerate(sizes):
            if budget and share[task] < size:
                share[task] += 1
                budget -= 1
    return share


@given(sizes=st.lists(st.integers(1, 9), min_size=1, max_size=8), data=st.data())
def test_the_budget_is_shared_as_if_dealt_out_in_turn(sizes: list[int], data: st.DataObject) -> None:
    budget = data.draw(st.integers(0, sum(sizes)))
    assert shares(np.array(sizes), budget) == dealt_out(sizes, budget)


def chosen(ranked: list[int], share: int, mode: str) -> list[int]:
    if mode == "uniform":
        return [ranked[i * len(ranked) // share] for i in range(share)]
    near, far = [], list(ranked)
    ends: list[int] = []
    while len(near) + len(ends) < share:  # from both ends in turn, the near one first
        near.append(far.pop(0))
        if len(near) + len(ends) < share:
            ends.insert(0, far.pop())
    return near + ends


@given(
    kind=kinds,
    dist=distances,
    measure=st.sampled_from(["wsd", "avg", "min", "max"]),
    mode=st.sampled_from(["polar", "uniform"]),
    tasks=st.lists(st.sampled_from("abc"), min_size=1, max_size=14),
    m=sizes["m"],
    seed=seeds,
)
def test_each_task_gives_its_share_sorted_by_distance(
    vectors: Fixture,
    naive_distances: Fixture,
    kind: str,
    dist: str,
    measure: str,
    mode: str,
    tasks: list[str],
    m: int,
    seed: int,
) -> None:
    pool, query = vectors(kind, len(tasks), m, seed)
    far = naive_distances(pool, query, measure, dist)
    ranked = {
        task: sorted((i for i, other in enumerate(tasks) if other == task), key=lambda i: (far[i], i))
        for task in dict.fromkeys(tasks)
    }
    component = PerTask(mode=mode, measure=measure, distance=dist)
    for budget in range(1, len(tasks) + 1):
        share = dealt_out([len(rows) for rows in ranked.values()], budget)
        expected = [i for rows, n in zip(ranked.values(), share, strict=True) for i in chosen(rows, n, mode)]
        order = component.arrange(with_tasks(component, pool, query, tasks, budget=budget))
        assert order.indices.tolist() == expected
        assert [order.stage_names[stage] for stage in order.stages] == [tasks[i] for i in expected]
        np.testing.assert_allclose(order.scores, [far[i] for i in expected], rtol=1.2e-7, atol=1e-12)


def test_polar_takes_the_ends_and_uniform_every_nth() -> None:
    angles = np.array([0.9, 0.1, 0.5, 0.3, 0.7, 0.6])  # nearest first: 1, 3, 2, 5, 4, 0
    pool, query = np.stack([np.cos(angles), np.sin(angles)], axis=1), np.array([[1.0, 0.0]])
    for mode, expected in (("polar", [1, 3, 0]), ("uniform", [1, 2, 4])):
        component = PerTask(mode=mode, measure="min")
        order = component.arrange(with_tasks(component, pool, query, ["t"] * 6, budget=3))
        assert order.indices.tolist() == expected


def test_declarations(vectors: Fixture) -> None:
    component = PerTask()
    assert (component.access, component.stochastic) == (Access.ANSWERS, False)
    assert component.needs == {Need.EMBEDDER, Need.TASKS}
    assert PerTask(view="prompt").access is Access.PROMPTS
    pool, query = vectors("random", 3, 2, 0)
    with pytest.raises(ZsgError, match="no query examples"):
        component.arrange(with_tasks(component, pool, query[:0], ["a", "b", "b"]))
