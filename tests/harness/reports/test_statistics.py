"""Intervals and p-values against scipy and statsmodels, and against worked figures; verdicts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import linalg, stats
from statsmodels.stats.multitest import multipletests

from zsg_harness.reports.statistics import (
    Difference,
    Interval,
    Sample,
    difference,
    estimated_mean,
    holm,
    over_sources,
    prediction_interval,
    single_order,
    standings,
    t_interval,
    verdict,
    welch,
)

ROLLS = np.random.default_rng(7)


@pytest.mark.parametrize("n", [2, 3, 5, 20])
def test_t_interval_is_scipys(n: int) -> None:
    sample = ROLLS.normal(5, 0.3, n)
    low, high = stats.t.interval(0.95, n - 1, loc=sample.mean(), scale=stats.sem(sample))
    assert t_interval(list(sample)) == pytest.approx((sample.mean(), low, high))
    assert estimated_mean(list(sample - 4.9)).p_value == pytest.approx(stats.ttest_1samp(sample, 4.9).pvalue)


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
    test = stats.ttest_ind(ours, random, equal_var=False)
    found = welch(list(ours), list(random))
    assert found.interval == pytest.approx((ours.mean() - random.mean(), *test.confidence_interval(0.95)))
    assert found.p_value == pytest.approx(test.pvalue)


def test_without_any_spread_a_difference_is_certain() -> None:
    assert welch([2.0, 2.0], [3.0, 3.0]).interval == (-1, -1, -1)
    assert welch([2.0, 2.0], [3.0, 3.0]).p_value == 0
    assert welch([2.0, 2.0], [2.0, 2.0]).p_value == 1


@pytest.mark.parametrize("random_orders", [2, 5, 10])
def test_single_order_is_the_pooled_test_with_one_observation(random_orders: int) -> None:
    random = ROLLS.normal(5, 0.2, random_orders)
    found = single_order(4.6, list(random))
    interval = found.interval
    assert interval.mean == pytest.approx(4.6 - random.mean())
    # At a limit the pooled two-sample test, told of one observation without a spread of its own, has p = 0.05.
    for limit in (interval.low, interval.high):
        moved = random.mean() + interval.mean - limit
        test = stats.ttest_ind_from_stats(moved, 0, 1, random.mean(), random.std(ddof=1), random_orders)
        assert test.pvalue == pytest.approx(0.05)
    test = stats.ttest_ind_from_stats(4.6, 0, 1, random.mean(), random.std(ddof=1), random_orders)
    assert found.p_value == pytest.approx(test.pvalue)


def to_random(ours: dict[str, list[float]], random: dict[str, list[float]], *, stochastic: bool) -> Difference | None:
    return difference(Sample(ours, stochastic), Sample(random, True), Sample(random, True))


def test_blocks_are_paired() -> None:
    ours = {"x": [5.0, 5.2], "y": [6.0], "z": [7.1], "only ours": [1.0]}
    random = {"x": [5.5, 5.7], "y": [6.4, 6.2], "z": [7.3], "only random": [9.0]}
    got = to_random(ours, random, stochastic=True)
    test = stats.ttest_rel([5.1, 6.0, 7.1], [5.6, 6.3, 7.3])
    assert got is not None
    assert got.interval == pytest.approx((-1 / 3, *test.confidence_interval(0.95)))
    assert got.p_value == pytest.approx(test.pvalue)
    assert got.replicates == 4  # two orders in x, one in y and z; random has five


def test_one_block_picks_the_test() -> None:
    random = {"b": [5.0, 5.1, 5.3]}
    several = to_random({"b": [4.0, 4.2]}, random, stochastic=True)
    single = to_random({"b": [4.0]}, random, stochastic=False)
    unspread = to_random({"b": [4.0, 4.2]}, {"b": [5.0]}, stochastic=True)
    assert several is not None
    assert several.interval == welch([4.0, 4.2], random["b"]).interval
    assert single is not None
    assert single[:2] == (single_order(4.0, random["b"]).interval, 3)
    assert unspread is not None
    assert unspread.interval.mean == pytest.approx(-0.9)
    assert math.isnan(unspread.interval.low)
    assert math.isnan(unspread.p_value)


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
    assert got.p_value == mirrored.p_value


@pytest.mark.parametrize(
    ("mean", "p_value", "replicates", "expected"),
    [
        (-1.5, 0.049, 5, "better"),
        (1.5, 0.0, 5, "worse"),
        (-1.5, 0.051, 5, "tie"),
        (-1.5, 0.05, 5, "tie"),
        (-1.5, 0.001, 4, "undecided (4 replicates)"),
        (-1.5, 0.001, 1, "undecided (1 replicate)"),
        (-1.5, math.nan, 9, "undecided (9 replicates)"),
    ],
)
def test_verdict(mean: float, p_value: float, replicates: int, expected: str) -> None:
    apart = Difference(Interval(mean, mean - 1, mean + 1), replicates, p_value)
    assert verdict(apart) == expected
    assert verdict(apart._replace(p_value=0.5), p_value) == expected


def test_verdict_without_random() -> None:
    assert verdict(None) == "undecided (no random)"


@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_holm_is_statsmodels(n: int) -> None:
    values = ROLLS.choice([*ROLLS.uniform(0, 0.1, 20), 0.0, 0.01, 0.01, 1.0, math.nan, math.nan], n)
    known = ~np.isnan(values)
    found = np.array(holm(list(values)))
    assert np.isnan(found).tolist() == (~known).tolist()
    assert found[known] == pytest.approx(multipletests(values[known], method="holm")[1])


def test_holm_of_nothing() -> None:
    assert holm([]) == []


def section(*heights: float, random: list[float]) -> list[Sample]:
    """Random order, and arrangements of a single order each."""
    return [Sample({"b": random}, True), *(Sample({"b": [height]}, False) for height in heights)]


def test_the_more_arrangements_the_further_one_has_to_be_for_a_verdict_of_all_together() -> None:
    random = [4.9, 4.95, 5.0, 5.05, 5.1]
    (_, alone), (_, among, *_) = (
        standings(section(*heights, random=random), 0) for heights in ([4.7], [4.7, 5.0, 5.1, 4.9])
    )
    assert alone.difference == among.difference
    assert alone.difference is not None
    assert alone.difference.interval.high < 0
    assert (alone.verdict, alone.verdict_holm) == ("better", "better")
    assert (among.verdict, among.verdict_holm) == ("better", "tie")
    assert alone.p_holm == alone.difference.p_value
    assert among.p_holm == pytest.approx(4 * alone.p_holm)


def test_an_arrangement_without_replicates_enough_costs_the_others_nothing() -> None:
    samples = [*section(4.7, random=[4.9, 4.95, 5.0, 5.05, 5.1]), Sample({"b": [3.0, 3.1]}, True)]
    reference, better, few = standings(samples, 0)
    for said in ("verdict", "verdict_holm"):
        told = [getattr(each, said) for each in (reference, better, few)]
        assert told == ["reference", "better", "undecided (2 replicates)"]
    assert better.difference is not None
    assert better.p_holm == better.difference.p_value
    assert math.isnan(few.p_holm)


def test_over_sources_of_one_size_is_statsmodels_clustered_and_scipys_over_means() -> None:
    values = ROLLS.normal(-0.1, 0.2, 12) + np.repeat(ROLLS.normal(0, 0.3, 4), 3)
    found = over_sources(values, list("aaabbbcccddd"))
    fit = sm.OLS(values, np.ones(12)).fit(
        cov_type="cluster", cov_kwds={"groups": np.repeat(range(4), 3), "df_correction": True}, use_t=True
    )
    assert found.error == pytest.approx(fit.bse[0])
    assert found.degrees == pytest.approx(3)
    assert found.interval == pytest.approx((values.mean(), *fit.conf_int()[0]))
    means = values.reshape(4, 3).mean(axis=1)
    assert found.interval[1:] == pytest.approx(tuple(stats.ttest_1samp(means, 0).confidence_interval(0.95)))


@pytest.mark.parametrize("sizes", [(1, 4), (4, 13, 4, 12, 5, 10, 7, 5), (20, 2, 2, 1)])
def test_over_sources_of_unlike_sizes_is_bell_and_mccaffrey_by_matrices(sizes: tuple[int, ...]) -> None:
    source = np.repeat(np.arange(len(sizes)), sizes)
    n = len(source)
    values = ROLLS.normal(-0.1, 0.2, n) + ROLLS.normal(0, 0.3, len(sizes))[source]
    annihilator = np.eye(n) - np.ones((n, n)) / n
    residuals = annihilator @ values
    variance, columns = 0.0, []
    for label in range(len(sizes)):
        own = source == label
        root = linalg.inv(linalg.sqrtm(annihilator[np.ix_(own, own)]).real)
        weights = root @ np.ones(own.sum()) / n
        variance += float(weights @ residuals[own]) ** 2
        columns.append(annihilator[:, own] @ weights)
    eigenvalues = linalg.eigvalsh(np.array(columns) @ np.array(columns).T)
    found = over_sources(values, [f"source {label}" for label in source])
    assert found.error == pytest.approx(math.sqrt(variance))
    assert found.degrees == pytest.approx(eigenvalues.sum() ** 2 / (eigenvalues**2).sum())


def test_one_source_says_nothing_of_others() -> None:
    assert math.isnan(over_sources([1.0, 2.0], ["a", "a"]).interval.low)
    assert math.isnan(over_sources([], []).mean)
