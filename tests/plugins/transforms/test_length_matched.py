"""Length-matched: lengths come as in a shuffled order, and all else as in the order that comes in."""

from __future__ import annotations

from collections import deque

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from zsg_plugins.transforms.length_matched import LengthMatched
from zsg_plugins.transforms.shuffle import Shuffle
from zsg_registry import Need, Order, Transform, ZsgError, bind, parse_reference
from zsg_registry.testing import NaiveContext, example_set

some_lengths = st.lists(st.integers(1, 12), max_size=40)
seeds = st.integers(0, 5)


def apply(transform: Transform, order: Order, lengths: list[int] | NDArray[np.int64], seed: int = 0) -> Order:
    pool = example_set([None] * len(lengths))
    return transform.apply(order, NaiveContext.of(transform, pool, lengths={"pool": lengths}, seed=seed))


def naive_classes(lengths: list[int], classes: int) -> list[int]:
    """Class c: at least c, and less than c + 1, of `classes` parts of all are shorter."""
    return [sum(other < length for other in lengths) * classes // len(lengths) for length in lengths]


def naive(order: Order, lengths: list[int], classes: int, seed: int) -> list[int]:
    """A queue for each class; the shuffled order tells which one comes next."""
    class_of = dict(
        zip(order.indices.tolist(), naive_classes([lengths[i] for i in order.indices], classes), strict=True)
    )
    queues: dict[int, deque[int]] = {}
    for index in order.indices.tolist():
        queues.setdefault(class_of[index], deque()).append(index)
    return [queues[class_of[i]].popleft() for i in apply(Shuffle(), order, lengths, seed).indices.tolist()]


@given(some_lengths, st.integers(2, 15), seeds, st.data())
def test_each_place_takes_the_next_entry_of_the_shuffled_one_s_class(
    lengths: list[int], classes: int, seed: int, data: st.DataObject
) -> None:
    indices = np.array(data.draw(st.permutations(range(len(lengths)))), dtype=np.int64)
    order = Order(indices[: data.draw(st.integers(0, len(lengths)))])  # a selection from the pool
    matched = apply(LengthMatched(classes=classes), order, lengths, seed)
    assert matched.indices.tolist() == naive(order, lengths, classes, seed)


@given(some_lengths, st.integers(2, 15), seeds)
def test_entries_keep_stages_and_scores_and_classes_their_order(lengths: list[int], classes: int, seed: int) -> None:
    n = len(lengths)
    indices = np.random.default_rng(n).permutation(n)
    before = Order(indices, stages=indices % 2, stage_names=("a", "b"), scores=indices / 2, steps=np.arange(1, n + 1))
    after = apply(LengthMatched(classes=classes), before, lengths, seed)
    assert sorted(after.indices.tolist()) == list(range(n))
    assert after.stages is not None
    assert after.scores is not None
    assert after.stages.tolist() == (after.indices % 2).tolist()
    assert after.scores.tolist() == (after.indices / 2).tolist()
    assert after.stage_names == ("a", "b")
    assert after.steps is None
    for length in set(lengths):  # equal lengths are of one class
        same = [i for i in before.indices.tolist() if lengths[i] == length]
        assert [i for i in after.indices.tolist() if lengths[i] == length] == same


def test_ten_entries_of_two_lengths() -> None:
    lengths = [5] * 5 + [80] * 5
    shuffled = apply(Shuffle(), Order(np.arange(10)), lengths, seed=3).indices
    matched = apply(LengthMatched(classes=2), Order(np.arange(10)), lengths, seed=3).indices
    assert [i < 5 for i in matched] == [i < 5 for i in shuffled]
    assert matched[matched < 5].tolist() == [0, 1, 2, 3, 4]
    assert matched[matched >= 5].tolist() == [5, 6, 7, 8, 9]


def test_equal_lengths_leave_the_order_as_it_is() -> None:
    assert apply(LengthMatched(), Order(np.arange(30)), [7] * 30).indices.tolist() == list(range(30))


def test_a_class_for_each_entry_leaves_nothing_but_the_shuffle() -> None:
    lengths = list(range(1, 31))
    matched = apply(LengthMatched(classes=30), Order(np.arange(30)), lengths, seed=4)
    assert matched.indices.tolist() == apply(Shuffle(), Order(np.arange(30)), lengths, seed=4).indices.tolist()


@pytest.mark.parametrize("n", [0, 1])
def test_next_to_nothing_is_left_alone(n: int) -> None:
    assert apply(LengthMatched(), Order(np.arange(n)), [3] * n).indices.tolist() == list(range(n))


def test_an_order_by_length_has_no_trend_of_lengths_any_more() -> None:
    lengths = np.sort(np.random.default_rng(0).lognormal(4.5, 1, 3000).astype(np.int64) + 5)
    by_length = Order(np.arange(3000))
    for seed in range(3):
        in_order = lengths[apply(LengthMatched(), by_length, lengths, seed).indices]
        first, second = in_order[:1500].mean(), in_order[1500:].mean()
        assert abs(first / second - 1) < 0.15
        assert abs(np.corrcoef(np.argsort(np.argsort(in_order)), np.arange(3000))[0, 1]) < 0.08
    assert lengths[:1500].mean() / lengths[1500:].mean() < 0.3


def test_an_order_that_has_nothing_to_do_with_length_hardly_changes() -> None:
    lengths = np.random.default_rng(1).lognormal(4.5, 1, 3000).astype(np.int64) + 5
    places = apply(LengthMatched(), Order(np.arange(3000)), lengths).indices
    assert np.corrcoef(places, np.arange(3000))[0, 1] > 0.9


def test_the_seed_decides() -> None:
    lengths = list(range(1, 41))
    assert (
        len({tuple(apply(LengthMatched(), Order(np.arange(40)), lengths, seed).indices.tolist()) for seed in range(5)})
        == 5
    )


def test_declarations() -> None:
    transform = LengthMatched()
    assert (transform.stochastic, transform.may_underfill, transform.repeats) == (True, False, False)
    assert transform.needs == {Need.TOKENIZER}
    with pytest.raises(ZsgError, match="transform 'length-matched': parameter 'classes'"):
        bind(LengthMatched, parse_reference("length-matched[classes=1]"))
