"""Fold and zigzag, stair and saw: golden sequences worked out by hand, and the definitions in plain loops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.transforms.fold import Fold, Zigzag
from zsg_plugins.transforms.stair import Saw, Stair
from zsg_registry import Order, Transform, ZsgError, bind, parse_reference
from zsg_registry.testing import NaiveContext, example_set

TEN = list(range(10))
sizes = st.integers(0, 40)
folds = st.integers(1, 9)


def apply(transform: Transform, order: Order) -> Order:
    return transform.apply(order, NaiveContext.of(transform, example_set(["t"] * len(order))))


def positions(transform: Transform, n: int) -> list[int]:
    return apply(transform, Order(np.arange(n))).indices.tolist()


def stages(transform: Transform, n: int) -> list[int]:
    order = apply(transform, Order(np.arange(n)))
    assert order.stages is not None
    return order.stages.tolist()


def naive_fold(entries: list[int], folds: int, zigzag: bool) -> list[int]:
    result = []
    for nth in range(folds):
        taken = [entry for i, entry in enumerate(entries) if i % folds == nth]
        result += taken[::-1] if zigzag and nth % 2 else taken
    return result


def naive_transitions(n: int, sections: int, reach: float, folds: int, zigzag: bool) -> list[int]:
    boundaries = [round(n * i / sections) for i in range(1, sections)]
    radius = round(n * reach)

    def transition_of(entry: int) -> int | None:
        return next((i for i, b in enumerate(boundaries) if b - radius <= entry < b + radius), None)

    result: list[int] = []
    for entry in range(n):
        transition = transition_of(entry)
        if transition is None:
            result.append(entry)
        elif entry == 0 or transition_of(entry - 1) != transition:
            result += naive_fold([other for other in range(n) if transition_of(other) == transition], folds, zigzag)
    return result


@pytest.mark.parametrize(
    ("folds", "folded", "zigzagged", "passes"),
    [
        (1, TEN, TEN, [0] * 10),
        (2, [0, 2, 4, 6, 8, 1, 3, 5, 7, 9], [0, 2, 4, 6, 8, 9, 7, 5, 3, 1], [0] * 5 + [1] * 5),
        (3, [0, 3, 6, 9, 1, 4, 7, 2, 5, 8], [0, 3, 6, 9, 7, 4, 1, 2, 5, 8], [0, 0, 0, 0, 1, 1, 1, 2, 2, 2]),
        (4, [0, 4, 8, 1, 5, 9, 2, 6, 3, 7], [0, 4, 8, 9, 5, 1, 2, 6, 7, 3], [0, 0, 0, 1, 1, 1, 2, 2, 3, 3]),
        (10, TEN, TEN, TEN),
        (25, TEN, TEN, TEN),
    ],
)
def test_ten_entries_folded(folds: int, folded: list[int], zigzagged: list[int], passes: list[int]) -> None:
    assert positions(Fold(folds=folds), 10) == folded
    assert positions(Zigzag(folds=folds), 10) == zigzagged
    assert stages(Fold(folds=folds), 10) == stages(Zigzag(folds=folds), 10) == passes


@pytest.mark.parametrize(
    ("sections", "reach", "folds", "stair", "saw", "parts"),
    [
        # boundary 5, transition 3 … 6
        (2, 0.2, 2, [0, 1, 2, 3, 5, 4, 6, 7, 8, 9], [0, 1, 2, 3, 5, 6, 4, 7, 8, 9], "1112222333"),
        # boundary 5, transition 1 … 8
        (2, 0.4, 3, [0, 1, 4, 7, 2, 5, 8, 3, 6, 9], [0, 1, 4, 7, 8, 5, 2, 3, 6, 9], "1222222223"),
        # boundaries 3 and 7, transitions 1 … 4 and 5 … 8: nothing is left of the second section
        (3, 0.2, 2, [0, 1, 3, 2, 4, 5, 7, 6, 8, 9], [0, 1, 3, 4, 2, 5, 7, 8, 6, 9], "1222244445"),
        # the second transition would begin at 4, where the first one still is: 0 … 5 and 6 … 9
        (3, 0.3, 2, [0, 2, 4, 1, 3, 5, 6, 8, 7, 9], [0, 2, 4, 5, 3, 1, 6, 8, 9, 7], "2222224444"),
        # transitions of two entries are too short for three passes
        (3, 0.1, 3, TEN, TEN, "1122334455"),
        (1, 0.5, 2, TEN, TEN, "1111111111"),
        (3, 0.0, 2, TEN, TEN, "1113333555"),
    ],
)
def test_ten_entries_in_sections(
    sections: int, reach: float, folds: int, stair: list[int], saw: list[int], parts: str
) -> None:
    params = {"sections": sections, "reach": reach, "folds": folds}
    assert positions(Stair(**params), 10) == stair
    assert positions(Saw(**params), 10) == saw
    assert [part + 1 for part in stages(Stair(**params), 10)] == list(map(int, parts))
    assert stages(Saw(**params), 10) == stages(Stair(**params), 10)


def test_parts_have_names() -> None:
    order = apply(Stair(), Order(TEN))
    assert order.stage_names == ("section 1", "transition 1", "section 2", "transition 2", "section 3")


@given(sizes, folds)
def test_folds_are_what_plain_loops_give(n: int, folds: int) -> None:
    assert positions(Fold(folds=folds), n) == naive_fold(list(range(n)), folds, zigzag=False)
    assert positions(Zigzag(folds=folds), n) == naive_fold(list(range(n)), folds, zigzag=True)


@given(sizes, st.integers(1, 9), st.floats(0, 0.5), folds)
def test_transitions_are_what_plain_loops_give(n: int, sections: int, reach: float, folds: int) -> None:
    params = {"sections": sections, "reach": reach, "folds": folds}
    assert positions(Stair(**params), n) == naive_transitions(n, sections, reach, folds, zigzag=False)
    assert positions(Saw(**params), n) == naive_transitions(n, sections, reach, folds, zigzag=True)


@given(st.integers(0, 20), folds)
def test_one_transition_over_everything_is_a_fold(half: int, folds: int) -> None:
    everything = {"sections": 2, "reach": 0.5, "folds": folds}
    assert positions(Stair(**everything), 2 * half) == positions(Fold(folds=folds), 2 * half)
    assert positions(Saw(**everything), 2 * half) == positions(Zigzag(folds=folds), 2 * half)


@given(st.integers(1, 60), st.integers(1, 5))
def test_a_zigzag_never_jumps_farther_than_from_a_pass_to_the_next(n: int, folds: int) -> None:
    jumps = np.abs(np.diff(positions(Zigzag(folds=folds), n)))
    assert jumps.max(initial=0) <= folds


@pytest.mark.parametrize("transform", [Fold(), Zigzag(), Stair(), Saw(sections=9, reach=0.5)])
@pytest.mark.parametrize("n", [0, 1])
def test_next_to_nothing_is_left_alone(transform: Transform, n: int) -> None:
    order = apply(transform, Order(np.arange(n), scores=np.ones(n)))
    assert order.indices.tolist() == list(range(n))
    assert order.scores is not None


@pytest.mark.parametrize("transform", [Fold(), Zigzag(), Stair(reach=0.3), Saw(reach=0.3)])
@given(n=sizes)
def test_scores_stay_with_entries_and_stages_and_steps_are_new(transform: Transform, n: int) -> None:
    indices = np.random.default_rng(n).permutation(n)
    before = Order(
        indices,
        stages=np.full(n, 1),
        stage_names=("old", "older"),
        scores=indices / 2,
        steps=np.arange(1, n + 1),
    )
    after = apply(transform, before)
    assert sorted(after.indices.tolist()) == list(range(n))
    assert after.indices.tolist() == indices[positions(transform, n)].tolist()
    assert after.scores is not None
    assert after.scores.tolist() == (after.indices / 2).tolist()
    assert after.stages is not None
    assert after.stages.tolist() == stages(transform, n)
    assert "old" not in (after.stage_names or ())
    assert after.steps is None


@pytest.mark.parametrize("text", ["fold[folds=0]", "zigzag[folds=1.5]", "stair[reach=0.6]", "saw[sections=0]"])
def test_senseless_parameters_are_errors(text: str) -> None:
    reference = parse_reference(text)
    transform = {"fold": Fold, "zigzag": Zigzag, "stair": Stair, "saw": Saw}[reference.name]
    with pytest.raises(ZsgError, match=f"transform '{reference.name}': parameter '{next(iter(reference.params))}'"):
        bind(transform, reference)


def test_declarations() -> None:
    for transform in (Fold(), Zigzag(), Stair(), Saw()):
        assert (transform.stochastic, transform.may_underfill, transform.repeats) == (False, False, False)
        assert not transform.needs
