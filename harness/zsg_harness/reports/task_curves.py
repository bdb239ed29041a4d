"""The loss of every unseen task over training, as matrices that can be looked at all at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from zsg_harness.reports.summary import LOSS


class TaskCurves(NamedTuple):
    """The curves of all that was evaluated at the same steps.

    Attributes:
        cells: The cell of each curve.
        tasks: The task of each curve.
        steps: int64 `[n]`, ascending.
        losses: float64 `[curves, n]`.
    """

    cells: list[str]
    tasks: list[str]
    steps: npt.NDArray[np.int64]
    losses: npt.NDArray[np.float64]


def task_curves(scores: pd.DataFrame) -> list[TaskCurves]:
    """The unseen tasks' loss curves, grouped by the steps they were evaluated at.

    Args:
        scores: Those of `Results`.
    """
    losses = scores[(scores["metric"] == LOSS) & (scores["scope"] == "unseen") & (scores["count"] > 0)]
    cell, cells = pd.factorize(losses["cell"])
    task, tasks = pd.factorize(losses["task"])
    step = losses["step"].to_numpy(dtype=np.int64)
    curve = cell * len(tasks) + task
    order = np.argsort(curve * (step.max(initial=0) + 1) + step)
    curve, step = curve[order], step[order]
    value = losses["value"].to_numpy(dtype=np.float64)[order]
    first = np.flatnonzero(np.diff(curve, prepend=-1))
    lengths = np.diff(first, append=len(order))
    names = np.asarray(cells, object), np.asarray(tasks, object)
    found = []
    for length in np.unique(lengths):
        starts = first[lengths == length]
        places = starts[:, None] + np.arange(length)
        for steps, own in _grids(step[places]):
            of_cell, of_task = np.divmod(curve[starts[own]], len(tasks))
            own_cells, own_tasks = names[0][of_cell].tolist(), names[1][of_task].tolist()
            found.append(TaskCurves(own_cells, own_tasks, steps, value[places[own]]))
    return found


def _grids(steps: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """The different rows of a matrix, each with where it is: nearly always all rows are alike."""
    left = np.arange(len(steps))
    while len(left):
        grid = steps[left[0]]
        alike = (steps[left] == grid).all(axis=1)
        yield grid, left[alike]
        left = left[~alike]
