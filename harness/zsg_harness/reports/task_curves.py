"""The loss of every unseen task over training, as matrices that can be looked at all at once."""

from __future__ import annotations

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
    order = np.lexsort((losses["step"].to_numpy(), task, cell))
    cell, task = cell[order], task[order]
    step = losses["step"].to_numpy(dtype=np.int64)[order]
    value = losses["value"].to_numpy(dtype=np.float64)[order]
    first = np.flatnonzero(np.diff(cell, prepend=-1) | np.diff(task, prepend=-1))
    lengths = np.diff(first, append=len(order))
    found = []
    for length in np.unique(lengths):
        starts = first[lengths == length]
        places = starts[:, None] + np.arange(length)
        grids, grid_of = np.unique(step[places], axis=0, return_inverse=True)
        for number, steps in enumerate(grids):
            own = grid_of.ravel() == number
            own_cells = [str(cells[code]) for code in cell[starts[own]]]
            own_tasks = [str(tasks[code]) for code in task[starts[own]]]
            found.append(TaskCurves(own_cells, own_tasks, steps, value[places[own]]))
    return found
