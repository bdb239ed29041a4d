"""The loss of each task over training: small multiples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from zsg_harness.reports.board import Leaderboard, Section
from zsg_harness.reports.figures.drawing import WIDTH, add_legend, log_steps, pens, shortened
from zsg_harness.reports.series import Series, null_band, section_rows, spread
from zsg_harness.reports.summary import LOSS, mean_height
from zsg_harness.reports.table import RANDOM, Row

_ARRANGEMENTS: Final = 4
_MOST: Final = 30
_ACROSS: Final = 5
_HEIGHT: Final = 1.15
_NAME: Final = 22


def tasks_figure(board: Leaderboard, section: Section) -> Figure | None:
    """A panel for each task, of random, the first two arrangements and the last; None where there is one task alone.

    Of many tasks those are shown in which these arrangements lie furthest apart, on average over log steps.
    """
    rows = _chosen(section_rows(section))
    by_row = [_by_task(board, row) for row in rows]
    tasks = sorted(set(by_row[0]).intersection(*by_row))
    if len(tasks) < 2:
        return None
    apart = {task: _apart([losses[task] for losses in by_row]) for task in tasks}
    shown = sorted(sorted(tasks, key=lambda task: -apart[task])[:_MOST])
    down = -(-len(shown) // _ACROSS)
    figure = Figure(figsize=(WIDTH, 0.9 + _HEIGHT * down), layout="constrained")
    panels = figure.subplots(down, _ACROSS, sharex=True, squeeze=False).ravel()
    series = [_series(row, losses) for row, losses in zip(rows, by_row, strict=True)]
    drawing = pens([lines[shown[0]] for lines in series])
    handles: list[Any] = []
    for axes, task in zip(panels, shown, strict=False):
        handles = []
        for pen, lines in zip(drawing, series, strict=True):
            pen.shade(axes, lines[task].level)
            handles.append(pen.draw(axes, lines[task].level))
            handles[-1].set(markersize=2, linewidth=0.9)
        axes.set_title(_both_ends(shortened(task)), fontsize=6)
        axes.tick_params(labelsize=6)
        log_steps(axes, float(series[0][task].level.mean.index[-1]))
    for place in range(len(shown), len(panels)):
        panels[place].set_visible(False)
        panels[place - _ACROSS].tick_params(labelbottom=True)
    told = f"all {len(tasks)} tasks"
    if len(shown) < len(tasks):
        told = f"the {len(shown)} of {len(tasks)} tasks in which these arrangements lie furthest apart"
    figure.suptitle(shortened(f"{section.title}: {told}", 120), fontsize=8, x=0.01, ha="left")
    figure.supxlabel("optimizer step (log scale)", fontsize=7)
    figure.supylabel("loss", fontsize=7)
    add_legend(figure, handles, [shortened(lines[shown[0]].name) for lines in series])
    return figure


def _both_ends(task: str) -> str:
    """A task's name that fits: those of one data set differ at the end."""
    return task if len(task) <= _NAME else f"{task[: _NAME // 2]}…{task[-_NAME // 2 :]}"


def _chosen(rows: Sequence[Row]) -> list[Row]:
    others = [row for row in rows if row.key.arrangement != RANDOM]
    kept = others if len(others) < _ARRANGEMENTS else [*others[: _ARRANGEMENTS - 2], others[-1]]
    return [row for row in rows if row.key.arrangement == RANDOM or any(row is each for each in kept)]


def _by_task(board: Leaderboard, row: Row) -> dict[str, pd.DataFrame]:
    """Of each task the loss at each step (a line) of each replicate (a column)."""
    cells = {cell.cell_id: place for place, replicate in enumerate(row.replicates) for cell in replicate.cells}
    scores = board.results.scores
    scores = scores[scores["cell"].isin(cells) & (scores["metric"] == LOSS)]
    scores = scores[(scores["scope"] == "unseen") & (scores["count"] > 0)]
    replicate = scores["cell"].astype("str").map(cells).rename("replicate")
    task = scores["task"].astype("str")
    means = scores["value"].groupby([task, scores["step"], replicate]).mean().unstack("replicate").dropna()
    return {str(name): losses.droplevel("task") for name, losses in means.groupby(level="task")}


def _apart(losses: Sequence[pd.DataFrame]) -> float:
    """How far curves lie apart, on average over log steps."""
    areas = [mean_height(np.log1p(own.index), own.mean(axis="columns")) for own in losses]
    return max(areas) - min(areas)


def _series(row: Row, losses: Mapping[str, pd.DataFrame]) -> dict[str, Series]:
    is_random = row.key.arrangement == RANDOM
    band = null_band if is_random else spread
    tokens = pd.Series(dtype="float64")
    return {task: Series(row.name, tokens, band(own), None, is_random=is_random) for task, own in losses.items()}
