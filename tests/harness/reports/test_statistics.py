"""Intervals against scipy's own tests and against worked figures; verdicts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from zsg_harness.reports.statistics import (
    Difference,
    Interval,
    Sample,
    difference,
    prediction_interval,
    single_interval,
    t_interval,
    verdict,
    welch_interval,
)

ROLLS = np.random.default_rng(7)


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_t_interval_is_scipys(n: int) -> None:
    sample = ROLLS.normal(5, 0.3, n)
    low, high = stats.t.interval(0.95, n - 1, loc=sample.mean(), scale=stats.sem(sample))
    assert t_interval(list(sample)) == pytest.approx((sample.mean(), low, high))


def test_t_interval_by_hand() -> None:
    # s = 1, n = 3: 2 ± 4.302653 / √3.
    assert t_interval([1, 2, 3]) == pytest.approx((2, 2 - 2.484138, 2 + 2.484138), abs=1e-6)


def test_prediction_interval_by_hand() -> None:
    # s = 1, R = 3: 2 ± 4.302653 · √(1 + 1/3).
    assert prediction_interval([1, 2, 3]) == pytest.approx((2, 2 - 4.968275, 2 + 4.968275), abs=1e-6)


@pytest.mark.parametrize("interval", [t_interval, prediction_interval])
def test_too_little_has_no_limits(interval) -> None:  # type: ignore[no-untyped-def]
    assert interval([4.0]).mean == 4.0
    assert math.isnan(interval([4.0]).low)
    assert math.isnan(interval([4.0]).high)
    assert all(map(math.isnan, interval([])))


@pytest.mark.parametrize(("n", "m"), [(2, 2), (3, 8), (10, 5)])
def test_welch_is_scipys(n: int, m: int) -> None:
    ours, random = ROLLS.normal(5, 0.1, n), ROLLS.normal(5.2, 0.7, m)
    limits = stats.ttest_ind(ours, random, equal_var=False).confidence_interval(0.95)
    assert welch_interval(list(ours), list(random)) == pytest.approx((ours.mean() - random.mean(), *limits))


def test_welch_without_any_spread() -> None:
    assert welch_interval([2.0, 2.0], [3.0, 3.0]) == (-1, -1, -1)


@pytest.mark.parametrize("random_orders", [2, 5, 10])
def test_single_order_is_the_pooled_test_with_one_observation(random_orders: int) -> None:
    random = ROLLS.normal(5, 0.2, random_orders)
    interval = single_interval(4.6, list(random))
    assert interval.mean == pytest.approx(4.6 - random.mean())
    # At a limit the pooled two-sample test, told of one observation without a spread of its own, has p = 0.05.
    for limit in (interval.low, interval.high):
        moved = random.mean() + interval.mean - limit
        test = stats.ttest_ind_from_stats(moved, 0, 1, random.mean(), random.std(ddof=1), random_orders)
        assert test.pvalue == pytest.approx(0.05)


def to_random(ours: dict[str, list[float]], random: dict[str, list[float]], *, stochastic: bool) -> Difference | None:
    return difference(Sample(ours, stochastic), Sample(random, True), Sample(random, True))


def test_blocks_are_paired() -> None:
    ours = {"x": [5.0, 5.2], "y": [6.0], "z": [7.1], "only ours": [1.0]}
    random = {"x": [5.5, 5.7], "y": [6.4, 6.2], "z": [7.3], "only random": [9.0]}
    got = to_random(ours, random, stochastic=True)
    limits = stats.ttest_rel([5.1, 6.0, 7.1], [5.6, 6.3, 7.3]).confidence_interval(0.95)
    assert got is not None
    assert got.interval == pytest.approx((-1 / 3, *limits))
    assert got.replicates == 4  # two orders in x, one in y and z; random has five


def test_one_block_picks_the_test() -> None:
    random = {"b": [5.0, 5.1, 5.3]}
    several = to_random({"b": [4.0, 4.2]}, random, stochastic=True)
    single = to_random({"b": [4.0]}, random, stochastic=False)
    unspread = to_random({"b": [4.0, 4.2]}, {"b": [5.0]}, stochastic=True)
    assert several is not None
    assert several.interval == welch_interval([4.0, 4.2], random["b"])
    assert single is not None
    assert single == (single_interval(4.0, random["b"]), 3)
    assert unspread is not None
    assert unspread.interval.mean == pytest.approx(-0.9)
    assert math.isnan(unspread.interval.low)


def test_a_stochastic_single_order_counts_as_one_replicate() -> None:
    got = to_random({"b": [4.0]}, {"b": [5.0] * 9}, stochastic=True)
    assert got is not None
    assert got.replicates == 1


def test_no_shared_block_is_no_difference() -> None:
    assert to_random({"x": [1.0]}, {"y": [1.0]}, stochastic=False) is None


def test_two_single_orders_vary_as_random_does() -> None:
    random = Sample({"b": [5.0, 5.1, 5.3, 5.2, 5.4]}, True)
    ours, theirs = Sample({"b": [4.0]}, False), Sample({"b": [4.5]}, False)
    got = difference(ours, theirs, random)
    assert got is not None
    # s = 0.158114, t(4) = 2.776445: 0.158114 · √2 · 2.776445 = 0.620832.
    assert got.interval == pytest.approx((-0.5, -1.120832, 0.120832), abs=1e-6)
    assert got.replicates == 5
    alone = difference(ours, theirs, None)
    assert alone is not None
    assert (alone.interval.mean, alone.replicates) == (-0.5, 1)
    assert math.isnan(alone.interval.low)


def test_several_orders_against_a_single_one_is_the_mirror_of_the_reverse() -> None:
    several, single = Sample({"b": [5.0, 5.1, 5.3]}, True), Sample({"b": [4.0]}, False)
    got, mirrored = difference(several, single, None), difference(single, several, None)
    assert got is not None
    assert mirrored is not None
    assert got.interval == pytest.approx((-mirrored.interval.mean, -mirrored.interval.high, -mirrored.interval.low))
    assert got.replicates == mirrored.replicates == 3


@pytest.mark.parametrize(
    ("low", "high", "replicates", "expected"),
    [
        (-2.0, -1.0, 5, "better"),
        (1.0, 2.0, 5, "worse"),
        (-1.0, 1.0, 5, "tie"),
        (-1.0, 0.0, 5, "tie"),
        (-2.0, -1.0, 4, "undecided (4 replicates)"),
        (-2.0, -1.0, 1, "undecided (1 replicate)"),
        (math.nan, math.nan, 9, "undecided (9 replicates)"),
    ],
)
def test_verdict(low: float, high: float, replicates: int, expected: str) -> None:
    assert verdict(Difference(Interval((low + high) / 2, low, high), replicates)) == expected


def test_verdict_without_random() -> None:
    assert verdict(None) == "undecided (no random)"
