"""What is better, by how much, and is it real: intervals, differences to random order, corrected p-values, groups."""

from __future__ import annotations

from zsg_harness.reports.statistics.correction import holm
from zsg_harness.reports.statistics.differences import Difference, Sample, difference
from zsg_harness.reports.statistics.intervals import (
    CONFIDENCE,
    NOTHING,
    SIGNIFICANCE,
    Estimate,
    Interval,
    estimated_mean,
    prediction_interval,
    single_order,
    t_interval,
    welch,
)
from zsg_harness.reports.statistics.sources import over_sources
from zsg_harness.reports.statistics.ties import tie_groups
from zsg_harness.reports.statistics.verdicts import MINIMUM_REPLICATES, Standing, standings, verdict

__all__ = [
    "CONFIDENCE",
    "MINIMUM_REPLICATES",
    "NOTHING",
    "SIGNIFICANCE",
    "Difference",
    "Estimate",
    "Interval",
    "Sample",
    "Standing",
    "difference",
    "estimated_mean",
    "holm",
    "over_sources",
    "prediction_interval",
    "single_order",
    "standings",
    "t_interval",
    "tie_groups",
    "verdict",
    "welch",
]
