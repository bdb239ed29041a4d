"""Shuffle, reverse and head: what they do to entries, stages, scores and step ends."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.transforms.head import Head
from zsg_plugins.transforms.reverse import Reverse
from zsg_plugins.transforms.shuffle import Shuffle
from zsg_registry import Order, Transform, ZsgError, bind, generator, parse_reference, required_params
from zsg_registry.testing import NaiveContext, example_set

lengths = st.lists(st.integers(1, 4), max_size=5)


def entries(order: Order) -> list[tuple[int, int, float]]:
    assert order.stages is not None
    assert order.scores is not None
    return list(zip(order.indices.tolist(), order.stages.tolist(), order.scores.tolist(), strict=True))


def steps_of(order: Order) -> list[list[int]]:
    return [part.tolist() for part in np.split(order.indices, order.step_ends(3))[:-1]]


def order_of(step_lengths: list[int], **fields: Any) -> Order:
    n = sum(step_lengths)
    positions = np.random.default_rng(n).permutation(n)
    return Order(positions, stages=positions % 3, stage_names=("a", "b", "c"), scores=positions / 2, **fields)


def with_steps(step_lengths: list[int]) -> Order:
    return order_of(step_lengths, steps=np.cumsum(step_lengths, dtype=np.int64))


def apply(transform: Transform, order: Order, seed: int = 0) -> Order:
    return transform.apply(order, NaiveContext.of(transform, example_set(["t"] * len(order)), seed=seed))


@given(lengths, st.integers(0, 5))
def test_shuffle_keeps_the_entries_and_the_sizes_of_steps(step_lengths: list[int], seed: int) -> None:
    order = with_steps(step_lengths)
    shuffled = apply(Shuffle(), order, seed)
    assert sorted(entries(shuffled)) == sorted(entries(order))
    assert shuffled.stage_names == order.stage_names
    assert [len(step) for step in steps_of(shuffled)] == step_lengths
    assert entries(apply(Shuffle(), order, seed)) == entries(shuffled)


def test_shuffle_is_a_permutation_of_the_order_stream() -> None:
    expected = generator("order", 7, 0).permutation(20)
    assert apply(Shuffle(), Order(np.arange(20)), seed=7).indices.tolist() == expected.tolist()
    assert Shuffle().identity_params() == {}


@given(lengths, st.integers(0, 5))
def test_shuffled_steps_stay_whole(step_lengths: list[int], seed: int) -> None:
    order = with_steps(step_lengths)
    shuffled = apply(Shuffle(unit="step"), order, seed)
    assert sorted(steps_of(shuffled)) == sorted(steps_of(order))
    assert sorted(entries(shuffled)) == sorted(entries(order))
    assert shuffled.stage_names == order.stage_names
    assert entries(apply(Shuffle(unit="step"), order, seed)) == entries(shuffled)


def test_shuffled_steps_come_in_every_order() -> None:
    order = with_steps([1, 2, 3])
    orders = {str(steps_of(apply(Shuffle(unit="step"), order, seed))) for seed in range(60)}
    assert len(orders) == 6


def test_shuffled_steps_of_an_order_without_step_ends_are_its_batches() -> None:
    shuffle = Shuffle(unit="step")
    for seed in range(10):
        context = NaiveContext.of(shuffle, example_set(["t"] * 8), batch_size=3, seed=seed)
        shuffled = shuffle.apply(Order(np.arange(8)), context)
        assert sorted(steps_of(shuffled)) == [[0, 1, 2], [3, 4, 5], [6, 7]]


def test_shuffle_depends_on_the_seed() -> None:
    order = order_of([30])
    assert len({tuple(apply(Shuffle(), order, seed).indices.tolist()) for seed in range(5)}) == 5


@given(lengths)
def test_reverse_mirrors_entries_and_steps(step_lengths: list[int]) -> None:
    order = with_steps(step_lengths)
    backwards = apply(Reverse(), order)
    assert entries(backwards) == entries(order)[::-1]
    assert steps_of(backwards) == [step[::-1] for step in steps_of(order)[::-1]]
    again = apply(Reverse(), backwards)
    assert entries(again) == entries(order)
    assert steps_of(again) == steps_of(order)


def test_reverse_without_step_ends_fills_every_batch_but_the_last() -> None:
    backwards = apply(Reverse(), Order(np.arange(5)))
    assert backwards.steps is None
    assert steps_of(backwards) == [[4, 3, 2], [1, 0]]


@given(lengths, st.integers(1, 25))
def test_head_is_the_beginning(step_lengths: list[int], n: int) -> None:
    order = with_steps(step_lengths)
    cut = apply(Head(n=n), order)
    assert entries(cut) == entries(order)[:n]
    assert [i for step in steps_of(cut) for i in step] == order.indices.tolist()[:n]
    assert steps_of(cut)[:-1] == steps_of(order)[: max(len(steps_of(cut)) - 1, 0)]
    assert apply(Head(n=n), order_of(step_lengths)).steps is None


def test_head_must_be_told_how_much() -> None:
    assert required_params(Head) == ["n"]
    assert bind(Head, parse_reference("head[n=3]")).params.n == 3
    with pytest.raises(ZsgError, match="transform 'head': parameter 'n' is required"):
        bind(Head, parse_reference("head"))
    with pytest.raises(ZsgError, match="parameter 'n'"):
        bind(Head, parse_reference("head[n=0]"))


def test_declarations() -> None:
    assert [(t.stochastic, t.may_underfill, t.repeats) for t in (Shuffle(), Reverse(), Head(n=1))] == [
        (True, False, False),
        (False, False, False),
        (False, True, False),
    ]
