"""Shuffle-within and jitter: entries move among their neighbours only."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.transforms.shuffle_within import Jitter, ShuffleWithin
from zsg_registry import Order, Transform, ZsgError, bind, parse_reference
from zsg_registry.testing import NaiveContext, example_set

seeds = st.integers(0, 5)


def apply(transform: Transform, order: Order, seed: int = 0) -> Order:
    return transform.apply(order, NaiveContext.of(transform, example_set(["t"] * len(order)), seed=seed))


def order_of(stages: list[int]) -> Order:
    n = len(stages)
    indices = np.random.default_rng(n).permutation(n)
    return Order(indices, stages=np.array(stages), stage_names=("a", "b", "c"), scores=indices / 2)


def entries(order: Order) -> list[tuple[int, int, float]]:
    assert order.stages is not None
    assert order.scores is not None
    return list(zip(order.indices.tolist(), order.stages.tolist(), order.scores.tolist(), strict=True))


@given(st.lists(st.integers(0, 2), max_size=30), seeds)
def test_each_stage_is_shuffled_in_its_place(stages: list[int], seed: int) -> None:
    before = order_of(stages)
    after = apply(ShuffleWithin(), before, seed)
    start = 0
    for _, run in groupby(stages):
        stop = start + len(list(run))
        assert sorted(entries(after)[start:stop]) == sorted(entries(before)[start:stop])
        start = stop
    assert after.stage_names == before.stage_names
    assert entries(apply(ShuffleWithin(), before, seed)) == entries(after)


def test_every_permutation_of_every_stage_is_drawn() -> None:
    order = Order(np.arange(6), stages=np.array([0, 0, 0, 1, 1, 0]))
    drawn = {tuple(apply(ShuffleWithin(), order, seed).indices.tolist()) for seed in range(120)}
    assert len(drawn) == 6 * 2
    assert {order[-1] for order in drawn} == {5}


def test_steps_of_a_single_group_remain_so() -> None:
    order = Order(np.arange(7), stages=np.array([4, 4, 4, 4, 4, 2, 2]), steps=np.array([3, 5, 7]))
    after = apply(ShuffleWithin(), order)
    assert after.steps is not None
    assert after.steps.tolist() == [3, 5, 7]
    assert after.stages is not None
    assert after.stages.tolist() == [4, 4, 4, 4, 4, 2, 2]


def test_an_order_without_stages_has_nothing_to_shuffle_within() -> None:
    with pytest.raises(ZsgError, match=r"^shuffle-within: the order before it has no stages; jitter.*$"):
        apply(ShuffleWithin(), Order(np.arange(3)))


@given(st.integers(0, 40), st.integers(2, 50), seeds)
def test_jitter_shuffles_windows(n: int, window: int, seed: int) -> None:
    before = order_of([i % 3 for i in range(n)])
    after = apply(Jitter(window=window), before, seed)
    for start in range(0, n, window):
        stop = start + window
        assert sorted(entries(after)[start:stop]) == sorted(entries(before)[start:stop])
    assert len(after) == n
    moved = np.argsort(after.indices) - np.argsort(before.indices)
    assert np.abs(moved).max(initial=0) < window
    assert entries(apply(Jitter(window=window), before, seed)) == entries(after)


def test_an_entry_may_reach_every_place_of_its_window() -> None:
    drawn = {tuple(apply(Jitter(window=3), Order(np.arange(5)), seed).indices.tolist()) for seed in range(120)}
    assert len(drawn) == 6 * 2


def test_jitter_drops_the_steps_it_cuts() -> None:
    assert apply(Jitter(window=2), Order(np.arange(3), steps=np.array([1, 3]))).steps is None


@pytest.mark.parametrize("text", ["jitter", "jitter[window=1]", "jitter[window=half]"])
def test_jitter_must_be_told_a_window(text: str) -> None:
    with pytest.raises(ZsgError, match="transform 'jitter': parameter 'window'"):
        bind(Jitter, parse_reference(text))


def test_declarations() -> None:
    for transform in (ShuffleWithin(), Jitter(window=2)):
        assert (transform.stochastic, transform.may_underfill, transform.repeats) == (True, False, False)
