"""Test-centric multi-turn arrangement, against Algorithm 1 with plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.tma import TestCentricMultiTurn as Tma
from zsg_registry import Access, ContractError, Need, ZsgError

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
modes = st.sampled_from(["nearest", "farthest"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 14), "m": st.integers(1, 6)}
Fixture = Callable[..., Any]


def distance(x: np.ndarray, y: np.ndarray, kind: str) -> float:
    wide_x, wide_y = x.astype(np.float64), y.astype(np.float64)
    if kind == "euclidean":
        return math.sqrt(((wide_x - wide_y) ** 2).sum())
    units = [(v / math.sqrt((v * v).sum())).astype(np.float32).astype(np.float64) for v in (wide_x, wide_y)]
    return -float((units[0] * units[1]).sum())


def algorithm_1(pool: np.ndarray, query: np.ndarray, mode: str, kind: str) -> list[dict[int, float]]:
    """The turns: each a map from the picked examples to the distance of the pick."""
    remaining = set(range(len(pool)))
    turns: list[dict[int, float]] = []
    sign = 1 if mode == "nearest" else -1
    while remaining:
        turn: dict[int, float] = {}
        for x in query:
            far, y = min((sign * distance(pool[y], x, kind), y) for y in remaining)
            turn[y] = min(far, turn.get(y, math.inf))
        turns.append({y: sign * far for y, far in turn.items()})
        remaining -= turn.keys()
    return turns


@given(kind=kinds, mode=modes, dist=distances, seed=seeds, **sizes)
def test_the_turns_are_those_of_algorithm_1(
    vectors: Fixture, context_of: Fixture, kind: str, mode: str, dist: str, n: int, m: int, seed: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    turns = algorithm_1(pool, query, mode, dist)
    sign = 1 if mode == "nearest" else -1
    inside: dict[str, Callable[[dict[int, float]], list[int]]] = {
        "index": sorted,
        "distance": lambda turn: sorted(turn, key=lambda y: (sign * turn[y], y)),
    }
    for within, sort in inside.items():
        component = Tma(mode=mode, within=within, distance=dist)
        order = component.arrange(context_of(component, pool, query))
        assert order.indices.tolist() == [y for turn in turns for y in sort(turn)]
        assert order.stages.tolist() == [i for i, turn in enumerate(turns) for _ in turn]
        expected = [np.float32(turn[y]) for turn in turns for y in sort(turn)]
        assert order.scores.tolist() == expected


@given(kind=kinds, mode=modes, within=st.sampled_from(["index", "distance", "shuffle"]), seed=seeds, **sizes)
def test_the_budget_cuts_the_last_turn_and_changes_nothing_before(
    vectors: Fixture, context_of: Fixture, kind: str, mode: str, within: str, n: int, m: int, seed: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    component = Tma(mode=mode, within=within)
    whole = component.arrange(context_of(component, pool, query))
    assert sorted(whole.indices.tolist()) == list(range(n))
    for budget in range(1, n + 1):
        cut = component.arrange(context_of(component, pool, query, budget=budget))
        assert cut.indices.tolist() == whole.indices.tolist()[:budget]
        assert cut.stages.tolist() == whole.stages.tolist()[:budget]


@given(kind=kinds, seed=seeds, **sizes)
def test_a_shuffle_inside_the_turns_leaves_the_turns_and_depends_on_the_seed_alone(
    vectors: Fixture, context_of: Fixture, kind: str, n: int, m: int, seed: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    shuffled = Tma(within="shuffle")
    orders = [shuffled.arrange(context_of(shuffled, pool, query, seed=s)) for s in (1, 1, 2)]
    assert orders[0].indices.tolist() == orders[1].indices.tolist()
    turns = [sorted(turn) for turn in algorithm_1(pool, query, "nearest", "cosine")]
    for order in orders:
        assert [sorted(order.indices[order.stages == i].tolist()) for i in range(len(turns))] == turns


def test_two_seeds_shuffle_differently(vectors: Fixture, context_of: Fixture) -> None:
    pool, query = vectors("random", 40, 10, 0)
    shuffled = Tma(within="shuffle")
    one, other = (shuffled.arrange(context_of(shuffled, pool, query, seed=seed)) for seed in (1, 2))
    assert one.indices.tolist() != other.indices.tolist()


def test_picks_are_simultaneous_so_two_queries_that_want_the_same_example_share_it(context_of: Fixture) -> None:
    pool = np.array([[1, 0], [0.99, 0.14], [0, 1]], np.float32)
    query = np.array([[1, 0.01], [1, -0.01]], np.float32)  # both are nearest to 0, then to 1, then to 2
    component = Tma()
    order = component.arrange(context_of(component, pool, query))
    assert order.indices.tolist() == [0, 1, 2]
    assert order.stages.tolist() == [0, 1, 2]


def test_one_query_makes_it_a_sort_by_distance(vectors: Fixture, context_of: Fixture) -> None:
    pool, query = vectors("random", 12, 1, 3)
    component = Tma()
    order = component.arrange(context_of(component, pool, query))
    assert order.indices.tolist() == sorted(range(12), key=lambda i: (distance(pool[i], query[0], "cosine"), i))


@pytest.mark.parametrize(("view", "access"), [("both", Access.ANSWERS), ("prompt", Access.PROMPTS)])
def test_declarations(view: str, access: Access, context_of: Fixture) -> None:
    component = Tma(view=view)
    assert (component.access, component.needs, component.stochastic) == (access, {Need.EMBEDDER}, False)
    assert Tma(within="shuffle").stochastic
    assert len(component.arrange(context_of(component, np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)))) == 3


def test_what_was_not_declared_is_not_there(context_of: Fixture) -> None:
    pool = query = np.eye(3, dtype=np.float32)
    component = Tma()
    with pytest.raises(ContractError, match="withheld"):
        component.arrange(context_of(component, pool, query, access=Access.PROMPTS))
    with pytest.raises(ContractError, match=r"Need\.EMBEDDER"):
        component.arrange(context_of(component, pool, query, needs=frozenset()))
    with pytest.raises(ContractError, match="stochastic"):
        Tma(within="shuffle").arrange(context_of(component, pool, query))
    with pytest.raises(ZsgError, match="no query examples"):
        component.arrange(context_of(component, pool, np.empty((0, 3), np.float32)))
