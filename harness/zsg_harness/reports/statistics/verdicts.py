"""The words that a difference to random order allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from zsg_harness.reports.statistics.correction import holm
from zsg_harness.reports.statistics.differences import Difference, Sample, difference
from zsg_harness.reports.statistics.intervals import SIGNIFICANCE

MINIMUM_REPLICATES: Final = 5


class Standing(NamedTuple):
    """How an arrangement stands to random order.

    Attributes:
        difference: None of random itself, and where no block holds both.
        p_holm: The p-value with Holm's correction, NaN where there are too few replicates for a verdict.
        verdict: What may be said of this comparison by itself.
        verdict_holm: What may be said for all comparisons of the section together.
    """

    difference: Difference | None
    p_holm: float
    verdict: str
    verdict_holm: str


def standings(samples: Sequence[Sample], random: int | None) -> list[Standing]:
    """How each arrangement of a section stands to random order.

    A verdict is of a single comparison: one in twenty arrangements that equal random gets one by chance, however many
    others there are. With few orders a correction for their number leaves little to be found, as
    `benchmarks/verdicts.py` shows; so what holds with Holm's is told beside it. That is over all arrangements that
    have replicates enough: which those are is known before any result.

    Args:
        samples: A figure of each arrangement.
        random: The place of random order, if it was run.
    """
    base = None if random is None else samples[random]
    apart = [None if base is None or ours is base else difference(ours, base, base) for ours in samples]
    corrected = holm([testable_p(each) for each in apart])
    found = [
        Standing(each, p_holm, verdict(each), verdict(each, p_holm))
        for each, p_holm in zip(apart, corrected, strict=True)
    ]
    if random is not None:
        found[random] = found[random]._replace(verdict="reference", verdict_holm="reference")
    return found


def testable_p(difference: Difference | None) -> float:
    """The p-value of a difference that has replicates enough for a verdict, else NaN."""
    enough = difference is not None and difference.replicates >= MINIMUM_REPLICATES
    return difference.p_value if difference is not None and enough else math.nan


def verdict(difference: Difference | None, p_value: float | None = None) -> str:
    """What may be said of a difference in a figure of which less is better.

    Nothing is called better, worse or a tie under five replicates on either side that varies.

    Args:
        difference: The difference to random.
        p_value: Its p-value, corrected for other comparisons; None where there are none.
    """
    if difference is None:
        return "undecided (no random)"
    replicates, p = difference.replicates, testable_p(difference) if p_value is None else p_value
    if replicates < MINIMUM_REPLICATES or math.isnan(p):
        return f"undecided ({replicates} replicate{'' if replicates == 1 else 's'})"
    if p >= SIGNIFICANCE:
        return "tie"
    return "better" if difference.interval.mean < 0 else "worse"
