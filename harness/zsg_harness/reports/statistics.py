"""Intervals, differences to random order, and the words they allow.

The unit of replication is a distinct order within a block. Tasks are held fixed: an interval says what
another order (or another block) would have given on the same unseen tasks. Every interval here is Student's
t, because a matrix has a handful of replicates, too few for a normal or a bootstrap approximation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit  # Student's quantiles alone: all of scipy.stats takes a second to import

CONFIDENCE = 0.95
MINIMUM_REPLICATES = 5


class Interval(NamedTuple):
    """A mean and its limits; the limits are NaN where there is too little to compute them from."""

    mean: float
    low: float
    high: float


class Difference(NamedTuple):
    """An arrangement minus another, such as random, and how many replicates stand behind it.

    Attributes:
        interval: The difference and its 95 % limits.
        replicates: Replicates of the side that varies and has the fewest.
    """

    interval: Interval
    replicates: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure of an arrangement.

    Attributes:
        values: Those of its distinct orders, by block.
        stochastic: Whether another order seed could have given it another order. One that could not does not vary
            within a block, and a single order of it is all there is.
    """

    values: Mapping[str, Sequence[float]]
    stochastic: bool


NOTHING = Interval(math.nan, math.nan, math.nan)


def _around(mean: float, standard_error: float, degrees: float) -> Interval:
    margin = float(stdtrit(degrees, (1 + CONFIDENCE) / 2)) * standard_error
    return Interval(mean, mean - margin, mean + margin)


def t_interval(values: Sequence[float]) -> Interval:
    """The mean of `values` and its 95 % limits, mean ± t(n − 1) · s / √n.

    Source: Student (1908), *The probable error of a mean*, Biometrika 6(1). Of block differences it is the
    paired t interval.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0:
        return NOTHING
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(mean, math.nan, math.nan)
    return _around(mean, float(sample.std(ddof=1)) / math.sqrt(sample.size), sample.size - 1)


def prediction_interval(values: Sequence[float]) -> Interval:
    """Where one more replicate of the same kind falls with 95 %: mean ± t(R − 1) · s · √(1 + 1/R).

    Of random's replicates it is the *null band*. Source: Hahn & Meeker (1991), *Statistical Intervals*, §4.7.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0:
        return NOTHING
    mean = float(sample.mean())
    if sample.size == 1:
        return Interval(mean, math.nan, math.nan)
    return _around(mean, float(sample.std(ddof=1)) * math.sqrt(1 + 1 / sample.size), sample.size - 1)


def welch_interval(ours: Sequence[float], random: Sequence[float]) -> Interval:
    """mean(ours) − mean(random) with limits that do not assume equal variances.

    Source: Welch (1947), *The generalization of Student's problem when several different population variances
    are involved*, Biometrika 34(1–2), with the Welch–Satterthwaite degrees of freedom.
    """
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(random, dtype=np.float64)
    mean = float(a.mean() - b.mean())
    va, vb = float(a.var(ddof=1)) / a.size, float(b.var(ddof=1)) / b.size
    if va + vb == 0:
        return Interval(mean, mean, mean)
    degrees = (va + vb) ** 2 / (va**2 / (a.size - 1) + vb**2 / (b.size - 1))
    return _around(mean, math.sqrt(va + vb), degrees)


def single_interval(ours: float, random: Sequence[float]) -> Interval:
    """One order against R random ones: variance s²(1 + 1/R), R − 1 degrees of freedom, s that of random.

    Source: Crawford & Howell (1998), *Comparing an individual's test score against norms derived from small
    samples*, The Clinical Neuropsychologist 12(4).
    """
    band = prediction_interval(random)
    return Interval(ours - band.mean, ours - band.high, ours - band.low)


def _one_block(
    ours: Sequence[float], theirs: Sequence[float], random: Sequence[float], *, theirs_vary: bool
) -> Interval:
    if len(theirs) >= 2 and len(ours) >= 2:
        return welch_interval(ours, theirs)
    if len(theirs) >= 2:
        return single_interval(ours[0], theirs)
    if len(ours) >= 2 and not theirs_vary:
        turned = single_interval(theirs[0], ours)
        return Interval(-turned.mean, -turned.high, -turned.low)
    mean = float(np.mean(ours) - np.mean(theirs))
    if len(random) < 2:
        return Interval(mean, math.nan, math.nan)
    # A single order on either side: each is taken to vary as random order does.
    return _around(mean, float(np.std(random, ddof=1)) * math.sqrt(2), len(random) - 1)


def difference(ours: Sample, theirs: Sample, random: Sample | None) -> Difference | None:
    """The difference of two arrangements, taken within the blocks that hold both.

    With two blocks or more it is paired: a t interval over the blocks' differences of means. Within a single
    block it is Welch's t, or `single_interval` where one side has a single order. Where both have, the spread of
    random order stands for theirs.

    Args:
        ours: The first.
        theirs: The second, which is subtracted.
        random: Random order, if it was run.

    Returns:
        None if no block holds both.
    """
    shared = [block for block in ours.values if block in theirs.values]
    if not shared:
        return None
    if len(shared) >= 2:
        interval = t_interval([float(np.mean(ours.values[block]) - np.mean(theirs.values[block])) for block in shared])
    else:
        noise = random.values.get(shared[0], []) if random else []
        interval = _one_block(ours.values[shared[0]], theirs.values[shared[0]], noise, theirs_vary=theirs.stochastic)
    replicates = [
        number
        for sample in (ours, theirs)
        if (number := sum(len(sample.values[block]) for block in shared)) > 1 or sample.stochastic
    ]
    if not replicates and random:
        replicates = [sum(len(random.values.get(block, [])) for block in shared)]
    return Difference(interval, min(replicates, default=len(shared)))


def verdict(difference: Difference | None) -> str:
    """What may be said of a difference in a figure of which less is better.

    Nothing is called better, worse or a tie under five replicates on either side that varies.
    """
    if difference is None:
        return "undecided (no random)"
    interval, replicates = difference
    if replicates < MINIMUM_REPLICATES or math.isnan(interval.low):
        return f"undecided ({replicates} replicate{'' if replicates == 1 else 's'})"
    if interval.high < 0:
        return "better"
    if interval.low > 0:
        return "worse"
    return "tie"
