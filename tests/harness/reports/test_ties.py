"""Groups: what is not told apart shares one, and random's is there to be seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zsg_harness.reports.statistics import Sample, standings, tie_groups

RANDOM = [4.96, 4.98, 5.0, 5.02, 5.04]


def groups(*arrangements: list[float], random: list[float] | None = RANDOM) -> list[int | None]:
    """The groups of arrangements in one block, random first: of one order each, or of several."""
    samples = [Sample({"b": orders}, len(orders) > 1) for orders in arrangements]
    place = None
    if random is not None:
        samples.insert(0, Sample({"b": random}, True))
        place = 0
    heights = [float(np.mean(sample.values["b"])) for sample in samples]
    return tie_groups(heights, samples, standings(samples, place), place)


def test_above_level_with_and_below_random() -> None:
    assert groups([4.0], [5.03], [6.0]) == [2, 1, 2, 3]


def test_equals_share_a_group_and_others_open_one() -> None:
    # Random's sd is 0.0316: two single orders are apart from 0.125 on, or 0.2 with all pairs of four.
    assert groups([4.0], [4.01], [3.0], [3.02]) == [3, 2, 2, 1, 1]


def test_the_best_of_a_group_is_what_others_are_held_against() -> None:
    """Each is level with the next, and the last is not with the first."""
    first, second, third = [3.0], [3.12], [3.24]
    assert groups(third, first, second) == [3, 2, 1, 1]


def test_with_few_orders_all_is_one_group() -> None:
    assert groups([1.0], [9.0], random=RANDOM[:4]) == [1, 1, 1]


def test_without_random_several_orders_tell_apart() -> None:
    near = [height - 2 for height in RANDOM]
    assert groups(RANDOM, near, [height + 0.01 for height in near], random=None) == [2, 1, 1]


def test_what_has_no_height_has_no_group() -> None:
    assert groups([4.0], [math.nan]) == [2, 1, None]


@pytest.mark.parametrize("height", [4.9, 5.0, 5.1])
def test_the_groups_agree_with_the_verdicts(height: float) -> None:
    samples = [Sample({"b": RANDOM}, True), Sample({"b": [height]}, False), Sample({"b": [4.85]}, False)]
    standing = standings(samples, 0)
    found = tie_groups([5.0, height, 4.85], samples, standing, 0)
    assert (found[1] == found[0]) == (standing[1].verdict == "tie")
