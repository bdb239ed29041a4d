"""What the page draws of a section: every metric over training, and the loss of every task. Numbers, and no pictures.

The page makes its views of them (over steps or tokens, log or linear, as they are or as the difference to random).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from zsg_harness.reports.board import Leaderboard, Section
from zsg_harness.reports.formatting import SCORE_HEADINGS
from zsg_harness.reports.page.scripts import rounded
from zsg_harness.reports.series import Line, Series, section_rows, section_series
from zsg_harness.reports.styles import Style
from zsg_harness.reports.summary import LOSS
from zsg_harness.reports.table import RANDOM, Row, score_column
from zsg_harness.reports.task_curves import TaskCurves

_DIGITS: Final = 4
_TASK_DIGITS: Final = 3
_NO_METRICS: Final = frozenset({"cell", "step", "tokens", "loss_example", "loss_token"})
_SHOWN: Final = 8
"""Arrangements that a chart shows until more are asked for."""

Floats = npt.NDArray[np.float64]


def chart(
    board: Leaderboard, section: Section, styles: Sequence[Style], pages: Sequence[str], losses: Sequence[TaskCurves]
) -> dict[str, Any]:
    """A section's chart.

    Args:
        board: The leaderboard.
        section: One of its sections.
        styles: That of each row, in the order of the section's lines.
        pages: The id of the page of each row's arrangement.
        losses: The loss curves of the tasks, of all cells of the board, perhaps with fewer steps than were evaluated.
    """
    rows = section_rows(section)
    shown = _first_shown(rows)
    return {
        "heldOut": section.held_out,
        "series": [
            {
                "name": row.name,
                "embedder": row.key.embedder,
                "page": page,
                "colours": style.colours,
                "dash": style.dash,
                "symbol": style.symbol,
                "random": row.key.arrangement == RANDOM,
                "shown": row.key in shown,
            }
            for row, style, page in zip(rows, styles, pages, strict=True)
        ],
        "metrics": list(_metrics(board, section)),
        "tasks": _tasks(rows, losses, section.sources),
    }


def _first_shown(rows: Sequence[Row]) -> set[object]:
    """Random, the best and the last: what a chart of many rows begins with."""
    if len(rows) <= _SHOWN:
        return {row.key for row in rows}
    return {row.key for row in rows if row.key.arrangement == RANDOM} | {row.key for row in [*rows[:5], rows[-1]]}


def _metrics(board: Leaderboard, section: Section) -> Iterator[dict[str, Any]]:
    """The loss, then every metric that some row has."""
    others = [str(name) for name in board.curves.columns if name not in _NO_METRICS and name != LOSS]
    cells = {cell.cell_id for row in section.rows for cell in row.cells}
    mine = board.curves[board.curves["cell"].isin(cells)]
    for name in [LOSS, *(name for name in others if mine[name].notna().any())]:
        series = section_series(board, section, name)
        scope, is_apart, metric = name.rpartition("/")
        heading = SCORE_HEADINGS.get(metric, metric) + (f" ({scope})" if is_apart else "")
        yield {
            "heading": heading,
            "title": f"{heading} on {section.held_out}" if not is_apart else heading,
            "better": board.results.directions.get(metric, "lower"),
            "column": "loss_final" if name == LOSS else name if is_apart else score_column(name),
            "lines": [_line(one) for one in series],
        }


def _line(one: Series) -> dict[str, Any]:
    return {
        "steps": [int(step) for step in one.level.mean.index],
        "tokens": rounded(one.tokens, 0),
        "level": _values(one.level),
        "difference": None if one.difference is None else _values(one.difference),
    }


def _values(line: Line) -> dict[str, Any]:
    told: dict[str, Any] = {"mean": rounded(line.mean, _DIGITS)}
    if line.low.notna().any():
        told |= {"low": rounded(line.low, _DIGITS), "high": rounded(line.high, _DIGITS)}
    return told


def thinned(curves: Sequence[TaskCurves], share: float) -> list[TaskCurves]:
    """Task curves with a share of their steps: the first and the last, and others evenly by their number."""
    thin = []
    for group in curves:
        kept = max(min(2, len(group.steps)), int(len(group.steps) * min(1.0, share)))
        places = np.unique(np.linspace(0, len(group.steps) - 1, kept).round().astype(int))
        thin.append(group._replace(steps=group.steps[places], losses=group.losses[:, places]))
    return thin


def _tasks(rows: Sequence[Row], losses: Sequence[TaskCurves], sources: Mapping[str, str]) -> dict[str, Any] | None:
    """The mean loss of every task over each row's replicates; None where there is but one task."""
    found = [_task_means(row, losses) for row in rows]
    names = sorted({task for one in found if one is not None for task in one[1]})
    if len(names) < 2:
        return None
    return {
        "names": names,
        "sources": [sources.get(name, "") for name in names],
        "lines": [None if one is None else _task_lines(*one, names) for one in found],
    }


def _task_lines(steps: list[int], means: Mapping[str, Floats], names: Sequence[str]) -> dict[str, Any]:
    return {
        "steps": steps,
        "losses": [rounded(means[name], _TASK_DIGITS) if name in means else None for name in names],
    }


def _task_means(row: Row, losses: Sequence[TaskCurves]) -> tuple[list[int], dict[str, Floats]] | None:
    """The steps that a row was evaluated at, and each task's mean loss then; None where they differ among its cells.

    Every replicate weighs the same, and so does every cell of one.
    """
    weights = {
        cell.cell_id: 1 / len(replicate.cells) / len(row.replicates)
        for replicate in row.replicates
        for cell in replicate.cells
    }
    mine = [group for group in losses if not weights.keys().isdisjoint(group.cells)]
    if len(mine) != 1:
        return None
    (group,) = mine
    means: dict[str, Floats] = {}
    totals: dict[str, float] = {}
    for cell, task, curve in zip(group.cells, group.tasks, group.losses, strict=True):
        if (weight := weights.get(cell)) is not None:
            means[task] = means.get(task, 0.0) + weight * curve
            totals[task] = totals.get(task, 0.0) + weight
    return group.steps.tolist(), {task: means[task] / totals[task] for task in means}
