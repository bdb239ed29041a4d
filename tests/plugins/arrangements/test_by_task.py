"""Random, sequential, round-robin and cluster."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.cluster import Cluster
from zsg_plugins.arrangements.random import Random
from zsg_plugins.arrangements.round_robin import RoundRobin
from zsg_plugins.arrangements.sequential import Sequential
from zsg_registry import Access, Arrangement, Need, Order
from zsg_registry.testing import NaiveContext, example_set

tasks = st.lists(st.sampled_from("abcd"), min_size=1, max_size=16)
arrangements = st.sampled_from(
    [Random(), Sequential(), RoundRobin(), Cluster(), RoundRobin(shuffle=False), Cluster(shuffle=False)]
)


def arranged(component: Arrangement, labels: list[str], seed: int = 0, budget: int | None = None) -> Order:
    order = component.arrange(NaiveContext.of(component, example_set(labels), seed=seed, budget=budget))
    assert isinstance(order, Order)
    return order


def one_of_each_in_turn(members: dict[str, list[int]]) -> list[int]:
    """Round-robin with plain lists: take the first of every task's list until all are empty."""
    waiting = {task: list(positions) for task, positions in members.items()}
    order = []
    while any(waiting.values()):
        order += [positions.pop(0) for positions in waiting.values() if positions]
    return order


def in_pool_order(labels: list[str]) -> dict[str, list[int]]:
    return {task: [i for i, label in enumerate(labels) if label == task] for task in dict.fromkeys(labels)}


@given(arrangements, tasks, st.integers(0, 9))
def test_each_is_a_permutation_that_a_budget_cuts_and_a_seed_decides(
    component: Arrangement, labels: list[str], seed: int
) -> None:
    whole = arranged(component, labels, seed)
    assert sorted(whole.indices.tolist()) == list(range(len(labels)))
    assert arranged(component, labels, seed).indices.tolist() == whole.indices.tolist()
    for budget in range(1, len(labels) + 1):
        assert arranged(component, labels, seed, budget).indices.tolist() == whole.indices.tolist()[:budget]


@given(tasks)
def test_without_shuffling_the_orders_are_those_of_the_pool(labels: list[str]) -> None:
    members = in_pool_order(labels)
    assert arranged(Sequential(), labels).indices.tolist() == list(range(len(labels)))
    assert arranged(RoundRobin(shuffle=False), labels).indices.tolist() == one_of_each_in_turn(members)
    assert arranged(Cluster(shuffle=False), labels).indices.tolist() == [i for one in members.values() for i in one]


@given(tasks, st.integers(0, 99))
def test_shuffled_round_robin_is_one_of_each_in_turn_in_some_order(labels: list[str], seed: int) -> None:
    order = arranged(RoundRobin(), labels, seed)
    indices = order.indices.tolist()
    drawn: dict[str, list[int]] = {}
    for i in indices:
        drawn.setdefault(labels[i], []).append(i)  # tasks, and the examples of each, in the order that was drawn
    assert indices == one_of_each_in_turn(drawn)
    assert order.stages is not None
    assert order.stages.tolist() == [drawn[labels[i]].index(i) for i in indices]


@given(tasks, st.integers(0, 99))
def test_shuffled_clusters_are_whole_tasks_in_some_order(labels: list[str], seed: int) -> None:
    order = arranged(Cluster(), labels, seed)
    sequence = [labels[i] for i in order.indices]
    assert sum(a != b for a, b in itertools.pairwise(sequence)) == len(set(labels)) - 1
    assert order.stages is not None
    assert order.stage_names is not None
    assert [order.stage_names[stage] for stage in order.stages] == sequence


@pytest.mark.parametrize("component", [Random(), RoundRobin(), Cluster()])
def test_seeds_draw_among_the_orders(component: Arrangement) -> None:
    labels = [task for task in "abcdef" for _ in range(5)]
    orders = [arranged(component, labels, seed).indices.tolist() for seed in range(5)]
    assert len({tuple(order) for order in orders}) == 5
    assert len({tuple(labels[i] for i in order) for order in orders}) == 5  # the tasks' order is drawn
    assert len({tuple(i for i in order if labels[i] == "a") for order in orders}) > 1  # and that inside a task


def test_random_is_uniform_in_its_first_place() -> None:
    firsts = [arranged(Random(), ["t"] * 4, seed).indices[0] for seed in range(2000)]
    assert np.bincount(firsts).tolist() == pytest.approx([500] * 4, abs=100)  # 5 standard deviations


def test_declarations() -> None:
    declared = {
        type(component).__name__ + ("" if component.stochastic else " fixed"): (component.needs, component.access)
        for component in (Random(), Sequential(), RoundRobin(), Cluster(shuffle=False))
    }
    assert declared == {
        "Random": (frozenset(), Access.NONE),
        "Sequential fixed": (frozenset(), Access.NONE),
        "RoundRobin": ({Need.TASKS}, Access.NONE),
        "Cluster fixed": ({Need.TASKS}, Access.NONE),
    }
