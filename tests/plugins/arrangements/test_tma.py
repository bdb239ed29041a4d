"""Test-centric multi-turn arrangement, against Algorithm 1 with plain loops."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.tma import TestCentricMultiTurn as Tma
from zsg_registry import Access, ContractError, Need, ZsgError, bind, parse_reference

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
modes = st.sampled_from(["nearest", "farthest"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 14), "m": st.integers(1, 6)}
Fixture = Callable[..., Any]


@pytest.fixture(scope="session")
def algorithm_1(distance: Fixture) -> Fixture:
    def turns_of(
        pool: np.ndarray, query: np.ndarray, mode: str, kind: str = "cosine", gone: Iterable[int] = ()
    ) -> list[dict[int, float]]:
        """The turns: each a map from the picked examples to the distance of the pick."""
        sign = 1 if mode == "nearest" else -1
        signed = [[sign * distance(y, x, kind) for y in pool] for x in query]
        remaining = set(range(len(pool))) - set(gone)
        turns: list[dict[int, float]] = []
        while remaining:
            turn: dict[int, float] = {}
            for each in signed:
                far, y = min((each[y], y) for y in remaining)
                turn[y] = min(far, turn.get(y, math.inf))
            turns.append({y: sign * far for y, far in turn.items()})
            remaining -= turn.keys()
        return turns

    return turns_of


@given(kind=kinds, mode=modes, dist=distances, seed=seeds, **sizes)
def test_the_turns_are_those_of_algorithm_1(
    vectors: Fixture,
    context_of: Fixture,
    algorithm_1: Fixture,
    kind: str,
    mode: str,
    dist: str,
    n: int,
    m: int,
    seed: int,
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
    vectors: Fixture, context_of: Fixture, algorithm_1: Fixture, kind: str, n: int, m: int, seed: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    shuffled = Tma(within="shuffle")
    orders = [shuffled.arrange(context_of(shuffled, pool, query, seed=s)) for s in (1, 1, 2)]
    assert orders[0].indices.tolist() == orders[1].indices.tolist()
    turns = [sorted(turn) for turn in algorithm_1(pool, query, "nearest")]
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


def test_one_query_makes_it_a_sort_by_distance(vectors: Fixture, context_of: Fixture, distance: Fixture) -> None:
    pool, query = vectors("random", 12, 1, 3)
    component = Tma()
    order = component.arrange(context_of(component, pool, query))
    assert order.indices.tolist() == sorted(range(12), key=lambda i: (distance(pool[i], query[0], "cosine"), i))


@given(kind=kinds, first=modes, dist=distances, seed=seeds, budget=st.integers(1, 14), **sizes)
def test_two_sided_modes_are_half_of_each_end_the_second_reversed_and_of_what_the_first_left(
    vectors: Fixture,
    context_of: Fixture,
    algorithm_1: Fixture,
    kind: str,
    first: str,
    dist: str,
    seed: int,
    budget: int,
    n: int,
    m: int,
) -> None:
    pool, query = vectors(kind, n, m, seed)
    budget, second = min(budget, n), "farthest" if first == "nearest" else "nearest"
    half = (budget + 1) // 2
    head = [
        (y, i, far) for i, turn in enumerate(algorithm_1(pool, query, first, dist)) for y, far in sorted(turn.items())
    ]
    gone = [y for y, *_ in head[:half]]
    tail = [
        (y, i, far)
        for i, turn in enumerate(algorithm_1(pool, query, second, dist, gone))
        for y, far in sorted(turn.items())
    ][: budget - half][::-1]
    component = Tma(mode=f"{first}-then-{second}", distance=dist)
    order = component.arrange(context_of(component, pool, query, budget=budget))
    assert order.indices.tolist() == gone + [y for y, *_ in tail]
    np.testing.assert_allclose(order.scores, [far for *_, far in head[:half] + tail], rtol=1.2e-7, atol=1e-12)
    # Stages count the turns in the order in which they are emitted.
    turns = [i for _, i, _ in head[:half]] + [head[half - 1][1] + 1 + tail[0][1] - i for _, i, _ in tail]
    assert order.stages.tolist() == turns


@given(kind=kinds, within=st.sampled_from(["index", "shuffle"]), seed=seeds, **sizes)
def test_random_is_the_set_of_nearest_then_farthest_shuffled_by_the_seed(
    vectors: Fixture, context_of: Fixture, kind: str, within: str, n: int, m: int, seed: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    budget = (n + 1) // 2
    arms = [Tma(mode=mode, within=within) for mode in ("nearest-then-farthest", "random", "random")]
    two_sided, drawn, again = (arm.arrange(context_of(arm, pool, query, budget=budget, seed=seed)) for arm in arms)
    entries = zip(drawn.indices.tolist(), drawn.stages.tolist(), drawn.scores.tolist(), strict=True)
    assert sorted(entries) == sorted(
        zip(two_sided.indices.tolist(), two_sided.stages.tolist(), two_sided.scores.tolist(), strict=True)
    )
    assert drawn.indices.tolist() == again.indices.tolist()


def test_two_seeds_draw_two_random_orders(vectors: Fixture, context_of: Fixture) -> None:
    pool, query = vectors("random", 40, 10, 0)
    random = Tma(mode="random")
    one, other = (random.arrange(context_of(random, pool, query, seed=seed)) for seed in (1, 2))
    assert one.indices.tolist() != other.indices.tolist()


@given(
    kind=kinds,
    mode=modes,
    seed=seeds,
    first=st.integers(0, 5),
    length=st.integers(1, 5),
    budget=st.integers(1, 14),
    **sizes,
)
def test_a_range_of_turns_is_cut_out_of_the_whole(
    vectors: Fixture,
    context_of: Fixture,
    kind: str,
    mode: str,
    seed: int,
    first: int,
    length: int,
    budget: int,
    n: int,
    m: int,
) -> None:
    pool, query = vectors(kind, n, m, seed)
    whole = Tma(mode=mode).arrange(context_of(Tma(mode=mode), pool, query))
    component = Tma(mode=mode, turns=(first, first + length))
    assert component.may_underfill
    context = context_of(component, pool, query, budget=min(budget, n))
    kept = np.flatnonzero((whole.stages >= first) & (whole.stages < first + length))[:budget]
    if not len(kept):
        with pytest.raises(ZsgError, match=f"used up before turn {first}, the first to keep"):
            component.arrange(context)
        return
    order = component.arrange(context)
    assert order.indices.tolist() == whole.indices[kept].tolist()
    assert order.stages.tolist() == whole.stages[kept].tolist()
    assert order.scores.tolist() == whole.scores[kept].tolist()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("tma[mode=random,turns=[0,5]]", r"turns are kept in the modes 'nearest' and 'farthest', not in 'random'"),
        ("tma[turns=[5,5]]", r"turns=\[5, 5\] keeps none"),
        ("tma[turns=[-1,5]]", r"parameter 'turns\.0': should be greater than or equal to 0, got -1"),
        ("tma[turns=5]", r"parameter 'turns': should be a valid tuple, got 5"),
    ],
)
def test_ranges_that_keep_nothing_are_refused(text: str, reason: str) -> None:
    with pytest.raises(ZsgError, match=reason):
        bind(Tma, parse_reference(text))


@pytest.mark.parametrize(("view", "access"), [("both", Access.ANSWERS), ("prompt", Access.PROMPTS)])
def test_declarations(view: str, access: Access, context_of: Fixture) -> None:
    component = Tma(view=view)
    assert (component.access, component.needs, component.stochastic) == (access, {Need.EMBEDDER}, False)
    assert Tma(within="shuffle").stochastic
    assert Tma(mode="random").stochastic
    assert not component.may_underfill
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
