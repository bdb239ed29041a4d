"""What each task contributes: the area under its own loss curve, and an arrangement's difference to random in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from zsg_harness.reports.summary import LOSS
from zsg_harness.reports.table import Row

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TaskAreas:
    """The `aulc` of single tasks, of which a cell's own is the mean.

    Attributes:
        values: A line for each cell, a column for each task; NaN where a task was not scored at each of the steps.
        tasks: The columns.
        cells: The line of each cell.
    """

    values: Floats
    tasks: tuple[str, ...]
    cells: Mapping[str, int]


def task_areas(scores: pd.DataFrame, curves: pd.DataFrame) -> TaskAreas:
    """The areas of every cell and unseen task.

    Args:
        scores: See `Results`.
        curves: As `unseen_curves` gives them.
    """
    rows = scores[(scores["metric"] == LOSS) & (scores["scope"] == "unseen") & (scores["count"] > 0)]
    line, cells = pd.factorize(curves["cell"])
    steps = curves["step"].to_numpy(np.int64)
    task, tasks = pd.factorize(rows["task"])
    lines = pd.Index(cells).get_indexer(rows["cell"].cat.categories)[rows["cell"].cat.codes]
    # A cell and a step in one number, which grows along the curves.
    stride = int(steps.max(initial=0)) + 1
    places = np.searchsorted(line * stride + steps, lines * stride + rows["step"].to_numpy(np.int64))
    entry, shape = lines * len(tasks) + task, (len(cells), len(tasks))
    areas = np.bincount(entry, _shares(line, steps)[places] * rows["value"].to_numpy(), shape[0] * shape[1])
    scored = np.bincount(entry, minlength=areas.size).reshape(shape)
    values = np.where(scored == np.bincount(line, minlength=shape[0])[:, None], areas.reshape(shape), np.nan)
    return TaskAreas(values, tuple(map(str, tasks)), {str(cell): place for place, cell in enumerate(cells)})


def task_differences(row: Row, random: Row, areas: TaskAreas) -> Floats:
    """Of each task a row's area minus random's, taken within the blocks that hold both; NaN where it is not known.

    Their mean is the difference of the rows' `aulc`.
    """
    ours, theirs = _by_block(row, areas), _by_block(random, areas)
    apart = [ours[block] - theirs[block] for block in ours if block in theirs]
    return np.mean(apart, axis=0) if apart else np.full(len(areas.tasks), np.nan)


def win_rate(differences: Floats) -> float:
    """The share of tasks with less loss than with random order; a task with as much counts half."""
    known = differences[~np.isnan(differences)]
    return float(np.mean((known < 0) + (known == 0) / 2)) if known.size else np.nan


def _shares(line: npt.NDArray[np.int64], steps: npt.NDArray[np.int64]) -> Floats:
    """What each step of each curve counts in an area under it over log1p(step), by the trapezoid rule."""
    x = np.log1p(steps)
    gaps = np.where(np.diff(line) == 0, np.diff(x), 0.0)
    widths = (np.append(gaps, 0.0) + np.insert(gaps, 0, 0.0)) / 2
    with np.errstate(invalid="ignore"):  # a curve of one step spans nothing
        shares: Floats = widths / np.bincount(line, widths)[line]
    return shares


def _by_block(row: Row, areas: TaskAreas) -> dict[str, Floats]:
    """The mean areas of a row's replicates in each block."""
    blocks: dict[str, list[Floats]] = {}
    for replicate in row.replicates:
        lines = [areas.cells[cell.cell_id] for cell in replicate.cells]
        blocks.setdefault(replicate.block, []).append(areas.values[lines].mean(axis=0))
    return {block: np.mean(own, axis=0) for block, own in blocks.items()}
