"""Means and differences of a few values, with their standard errors, 95 % limits and p-values.

Every interval here is Student's t, because a matrix has a handful of replicates, too few for a normal or a bootstrap
approximation.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit  # Student's t alone: all of scipy.stats takes a second to import

CONFIDENCE: Final = 0.95
SIGNIFICANCE: Final = 0.05


class Interval(NamedTuple):
    """A mean and its limits; the limits are NaN where there is too little to compute them from."""

    mean: float
    low: float
    high: float


class Estimate(NamedTuple):
    """A figure whose error, in units of its standard error, has Student's t distribution.

    Attributes:
        error: The standard error; NaN where there is too little to compute it from.
        degrees: The degrees of freedom.
    """

    mean: float
    error: float
    degrees: float

    @property
    def interval(self) -> Interval:
        """The figure and its 95 % limits."""
        if self.error == 0:
            return Interval(self.mean, self.mean, self.mean)
        margin = float(stdtrit(self.degrees, (1 + CONFIDENCE) / 2)) * self.error
        return Interval(self.mean, self.mean - margin, self.mean + margin)

    @property
    def p_value(self) -> float:
        """The two-sided p-value of the figure being 0."""
        if self.error == 0:
            return 0.0 if self.mean else 1.0
        return 2 * float(stdtr(self.degrees, -abs(self.mean) / self.error))

    def reversed(self) -> Estimate:
        """The figure with the other sign."""
        return self._replace(mean=-self.mean)


NOTHING: Final = Interval(math.nan, math.nan, math.nan)


def estimated_mean(values: Sequence[float]) -> Estimate:
    """The mean of `values`: standard error s / √n, n − 1 degrees of freedom.

    Source: Student (1908), *The probable error of a mean*, Biometrika 6(1). Of block differences it is the
    paired t test.
    """
    sample = np.asarray(values, dtype=np.float64)
    mean = float(sample.mean()) if sample.size else math.nan
    if sample.size < 2:
        return Estimate(mean, math.nan, math.nan)
    return Estimate(mean, float(sample.std(ddof=1)) / math.sqrt(sample.size), sample.size - 1)


def t_interval(values: Sequence[float]) -> Interval:
    """The mean of `values` and its 95 % limits, mean ± t(n − 1) · s / √n."""
    return estimated_mean(values).interval


def prediction_interval(values: Sequence[float]) -> Interval:
    """Where one more replicate of the same kind falls with 95 %: mean ± t(R − 1) · s · √(1 + 1/R).

    Of random's replicates it is the *null band*. Source: Hahn & Meeker (1991), *Statistical Intervals*, §4.7.
    """
    mean, error, degrees = estimated_mean(values)
    return Estimate(mean, error * math.sqrt(len(values) + 1), degrees).interval


def welch(ours: Sequence[float], theirs: Sequence[float]) -> Estimate:
    """mean(ours) − mean(theirs), without assuming equal variances.

    Source: Welch (1947), *The generalization of Student's problem when several different population variances
    are involved*, Biometrika 34(1–2), with the Welch–Satterthwaite degrees of freedom.
    """
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    mean = float(a.mean() - b.mean())
    va, vb = float(a.var(ddof=1)) / a.size, float(b.var(ddof=1)) / b.size
    if va + vb == 0:
        return Estimate(mean, 0.0, math.nan)
    degrees = (va + vb) ** 2 / (va**2 / (a.size - 1) + vb**2 / (b.size - 1))
    return Estimate(mean, math.sqrt(va + vb), degrees)


def single_order(ours: float, random: Sequence[float]) -> Estimate:
    """One order minus the mean of R random ones: variance s²(1 + 1/R), R − 1 degrees of freedom, s that of random.

    Source: Crawford & Howell (1998), *Comparing an individual's test score against norms derived from small
    samples*, The Clinical Neuropsychologist 12(4).
    """
    mean, error, degrees = estimated_mean(random)
    return Estimate(ours - mean, error * math.sqrt(len(random) + 1), degrees)
