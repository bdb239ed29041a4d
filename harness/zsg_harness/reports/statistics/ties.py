"""Ranks as groups: what is not told apart shares one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from zsg_harness.reports.statistics.correction import holm
from zsg_harness.reports.statistics.differences import Sample, difference
from zsg_harness.reports.statistics.intervals import SIGNIFICANCE
from zsg_harness.reports.statistics.verdicts import Standing, testable_p


def tie_groups(
    heights: Sequence[float], samples: Sequence[Sample], standing: Sequence[Standing], random: int | None
) -> list[int | None]:
    """The group of each arrangement of a section, 1 for the best.

    Random order's own group has all that has no verdict against it. Above and below it the best of what is left opens a
    group, joined by all that is not told apart from it. Nobody planned those comparisons, and there are many: so they
    are told apart with Holm's correction over all pairs above, or below.

    Args:
        heights: What the arrangements are ranked by; one of which it is not known is in no group.
        samples: The same figure of their orders.
        standing: How each stands to random.
        random: The place of random order, if it was run.
    """
    ranked = sorted((place for place, height in enumerate(heights) if height == height), key=lambda at: heights[at])
    above = [place for place in ranked if standing[place].verdict == "better"]
    below = [place for place in ranked if standing[place].verdict == "worse"]
    level = [place for place in ranked if place not in above and place not in below]
    base = None if random is None else samples[random]
    middle = [level] if base else _split(level, samples, base)
    groups = [*_split(above, samples, base), *middle, *_split(below, samples, base)]
    numbers = {place: number for number, group in enumerate(filter(None, groups), start=1) for place in group}
    return [numbers.get(place) for place in range(len(heights))]


def _split(ranked: Sequence[int], samples: Sequence[Sample], random: Sample | None) -> list[list[int]]:
    pairs = list(combinations(ranked, 2))
    apart = [difference(samples[first], samples[second], random) for first, second in pairs]
    corrected = dict(zip(pairs, holm([testable_p(each) for each in apart]), strict=True))
    groups = []
    left = list(ranked)
    while left:
        best = left[0]
        group = [place for place in left if place == best or not corrected[best, place] < SIGNIFICANCE]
        left = [place for place in left if place not in group]
        groups.append(group)
    return groups
