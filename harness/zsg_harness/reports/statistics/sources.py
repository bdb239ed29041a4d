"""Would it be the same on tasks made from other data? An interval over the sources of the unseen tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zsg_harness.reports.statistics.intervals import Estimate


def over_sources(values: npt.ArrayLike, sources: Sequence[str]) -> Estimate:
    """The mean over tasks of which those of one source go together; the sources are taken for a sample.

    The variance is the cluster-robust one with the CR2 correction, the degrees of freedom are Satterthwaite's. With
    as many tasks of each source it is Student's t over the sources' means; with sources of unlike sizes the usual
    (CR1) interval is too short, as `benchmarks/verdicts.py` shows. Source: Bell & McCaffrey (2002), *Bias reduction in
    standard errors for linear regression with multi-stage samples*, Survey Methodology 28(2); for a mean both have a
    closed form in each source's share h of the tasks.

    Args:
        values: A figure of each task.
        sources: Each task's source.
    """
    figures = np.asarray(values, dtype=np.float64)
    mean = float(figures.mean()) if figures.size else math.nan
    groups = np.unique(np.asarray(sources, dtype=np.str_), return_inverse=True)[1]
    h = np.bincount(groups) / max(figures.size, 1)
    if h.size < 2:
        return Estimate(mean, math.nan, math.nan)
    deviations = np.bincount(groups, figures - mean) / figures.size
    variance = float(np.sum(deviations**2 / (1 - h)))
    spread = -np.outer(h, h) / np.sqrt(np.outer(1 - h, 1 - h))
    np.fill_diagonal(spread, h)  # of the sources' corrected deviations the covariance, if tasks were independent
    return Estimate(mean, math.sqrt(variance), float(1 / np.sum(spread**2)))
