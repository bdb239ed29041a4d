"""How the rows of a section compare with random order and with each other, as columns of the leaderboard."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from zsg_harness.reports.by_task import TaskAreas, task_differences, win_rate
from zsg_harness.reports.statistics import NOTHING, Standing, over_sources, standings, tie_groups
from zsg_harness.reports.table import Row, RowKey, random_row


def comparisons(rows: Sequence[Row], areas: TaskAreas, sources: Mapping[str, str]) -> dict[RowKey, dict[str, Any]]:
    """The columns of each row of a section that say how it compares.

    Args:
        rows: All rows of the section.
        areas: The areas under the loss curves of single tasks.
        sources: What data each task was made from, as far as it is known.
    """
    random = random_row(rows)
    place = None if random is None else rows.index(random)
    samples = [row.sample("aulc") for row in rows]
    by_area = standings(samples, place)
    by_loss = standings([row.sample("loss_final") for row in rows], place)
    groups = tie_groups([float(np.mean(row.values("aulc"))) for row in rows], samples, by_area, place)
    return {
        row.key: {
            **_columns(area, ""),
            **_columns(loss, "loss_"),
            "tie_group": group,
            **_over_tasks(row, random, areas, sources),
        }
        for row, area, loss, group in zip(rows, by_area, by_loss, groups, strict=True)
    }


def _columns(standing: Standing, prefix: str) -> dict[str, Any]:
    """The difference to random in one figure, its limits and p-values, and what they allow to be said."""
    interval = standing.difference.interval if standing.difference else NOTHING
    return {
        f"{prefix}delta_vs_random": interval.mean,
        f"{prefix}delta_low": interval.low,
        f"{prefix}delta_high": interval.high,
        f"{prefix}p_value": standing.difference.p_value if standing.difference else math.nan,
        f"{prefix}p_holm": standing.p_holm,
        f"{prefix}verdict": standing.verdict,
        f"{prefix}verdict_holm": standing.verdict_holm,
    }


def _over_tasks(row: Row, random: Row | None, areas: TaskAreas, sources: Mapping[str, str]) -> dict[str, float]:
    """What single tasks say: the share won against random, and the limits of the difference over other sources."""
    if random is None or row is random:
        return dict.fromkeys(("win_rate", "delta_source_low", "delta_source_high"), math.nan)
    apart = task_differences(row, random, areas)
    known = np.flatnonzero(~np.isnan(apart))
    named = [areas.tasks[task] for task in known]
    is_told = any(task in sources for task in named)
    limits = over_sources(apart[known], [sources.get(task, task) for task in named]).interval if is_told else NOTHING
    return {"win_rate": win_rate(apart), "delta_source_low": limits.low, "delta_source_high": limits.high}
