"""In which order cells run, and when each would be through."""

from __future__ import annotations

import heapq
import math
from collections.abc import Callable, Sequence
from typing import Literal

from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.estimate import Estimate

Order = Literal["matrix", "cheap-first"]
"""As the axes say; or the quickest first, by finished cells of the store, and else by budgets."""


def in_order(cells: Sequence[Cell], order: Order, estimate: Callable[[Cell], Estimate | None]) -> list[Cell]:
    """The cells, with those that are to be run in their order; the others stay where they are."""
    if order == "matrix":
        return list(cells)
    quickest = iter(sorted((cell for cell in cells if cell.state == "run"), key=lambda cell: _cost(cell, estimate)))
    return [next(quickest) if cell.state == "run" else cell for cell in cells]


def _cost(cell: Cell, estimate: Callable[[Cell], Estimate | None]) -> tuple[float, float]:
    """What a cell costs; the unknown comes last."""
    found = estimate(cell)
    epochs = cell.training.epochs
    size = epochs * cell.budget if isinstance(cell.budget, int) else math.inf
    return (math.inf if found is None else found.seconds), size


def ends(estimates: Sequence[Estimate | None], workers: int) -> list[float | None]:
    """When cells would be through, in seconds from the start, if workers take them in their order.

    None for those without an estimate, which are reckoned to take no time.
    """
    free = [0.0] * workers
    found: list[float | None] = []
    for known in estimates:
        if known is not None:
            heapq.heapreplace(free, end := free[0] + known.seconds)
        found.append(None if known is None else end)
    return found


def workers_of(run: RunTable) -> int | None:
    """How many cells run side by side; None where only the machine that runs them can tell (`auto`)."""
    if run.workers is not None:
        return run.workers
    if run.devices == "auto":
        return None
    devices = 1 if run.devices == "cpu" else len(run.devices.split(",")) // run.processes_per_cell
    return max(1, devices) * run.per_device
