"""Sudden drops and kinds of curves, on curves of which the answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.reports.transitions import kinds, sudden_drops

LOG = np.array([0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000])
EVEN = np.arange(0, 1001, 10)
grids = st.sampled_from([LOG, EVEN])


def kind(losses: list[float], steps: np.ndarray = LOG) -> str:
    curve = np.array([losses], dtype=np.float64)
    return kinds(steps[: len(losses)], curve, sudden_drops(steps[: len(losses)], curve))[0]


@given(grids, st.floats(0.1, 2000), st.floats(0, 3), st.floats(0.1, 10))
def test_a_convex_curve_is_smooth_however_fast_it_falls(
    steps: np.ndarray, constant: float, floor: float, size: float
) -> None:
    curve = floor + 0.01 + size * np.exp(-steps / constant)[None]
    assert sudden_drops(steps, curve) == []
    assert kinds(steps, curve, []) == ["smooth"]


@given(grids, st.data(), st.floats(0.3, 0.9), st.floats(0, 0.02))
def test_a_planted_drop_is_found_where_it_is_and_nowhere_else(
    steps: np.ndarray, data: st.DataObject, share: float, drift: float
) -> None:
    at = data.draw(st.integers(2, len(steps) - 1))
    curve = (5 - drift * np.arange(len(steps)) / len(steps)) * np.where(np.arange(len(steps)) < at, 1, 1 - share)
    (drop,) = sudden_drops(steps, curve[None])
    assert (drop.start, drop.end) == (at - 1, at)
    assert drop.fall == pytest.approx(curve[at - 1] - curve[at])
    assert kinds(steps, curve[None], [drop]) == ["sudden"]


def test_a_drop_over_several_evaluations_is_one_drop() -> None:
    curve = np.interp(EVEN, [0, 400, 430, 1000], [4.0, 3.9, 2.0, 1.95])
    (drop,) = sudden_drops(EVEN, curve[None])
    assert EVEN[drop.start] <= 400
    assert EVEN[drop.end] >= 430
    assert EVEN[drop.end] - EVEN[drop.start] <= 50
    stretched = np.interp(EVEN, [0, 400, 800, 1000], [4.0, 3.9, 2.0, 1.95])
    assert sudden_drops(EVEN, stretched[None]) == []


def test_a_fall_of_less_than_a_fifth_is_none() -> None:
    below = np.where(LOG < 50, 4.0, 3.25)
    assert sudden_drops(LOG, below[None]) == []
    assert len(sudden_drops(LOG, (below - 0.1 * (LOG >= 50))[None])) == 1


def test_curves_do_not_meddle_with_each_other() -> None:
    early, late = np.where(LOG < 20, 4.0, 2.0), np.where(LOG < 500, 4.0, 2.0)
    calm = np.full(len(LOG), 3.0)
    drops = sudden_drops(LOG, np.stack([late, calm, early]))
    assert [(drop.curve, int(LOG[drop.end])) for drop in drops] == [(0, 500), (2, 20)]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([5, 4, 3, 2.5, 2.2, 2, 1.9, 1.8], "smooth"),
        ([5, 4.9, 5, 5.1, 4.9, 5.1, 4.9, 5], "smooth"),  # never leaves a band of 5 %
        ([5, 4, 3, 2, 1, 1.2, 1.5, 2], "overshoot"),
        ([5, 4, 3, 2, 1, 3, 5, 6], "rising"),
        ([5, 5, 5, 5, 5, 5.4, 5.8, 6], "rising"),
        ([5, 3, 4, 2, 3, 2, 3, 2], "oscillating"),
        ([5, 4, 3.9, 3.8, 2, 1.9, 1.9, 1.8], "sudden"),
        ([5, 4, 3.9, 3.8, 2, 2.2, 2.4, 2.6], "sudden"),  # and forgotten again: it jumped all the same
    ],
)
def test_kinds(losses: list[float], expected: str) -> None:
    assert kind(losses) == expected


@given(st.lists(st.floats(0.1, 10), min_size=3, max_size=11), st.floats(0.01, 100))
def test_the_unit_of_the_loss_is_of_no_matter(losses: list[float], unit: float) -> None:
    # To nine digits, so that rounding decides nothing.
    curve = np.round(np.array([losses]), 3)
    steps = LOG[: len(losses)]
    power = 2.0 ** round(np.log2(unit))
    drops, scaled = sudden_drops(steps, curve), sudden_drops(steps, power * curve)
    assert [drop[:3] for drop in drops] == [drop[:3] for drop in scaled]
    assert kinds(steps, curve, drops) == kinds(steps, power * curve, scaled)
