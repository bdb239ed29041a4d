"""A finished cell and what it consumed: its receipt, with the examples that the receipt names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zsg_harness.cells.data import load_roles
from zsg_harness.cells.roles import Roles
from zsg_harness.plan.cell import Cell
from zsg_harness.reports.task_curves import TaskCurves, task_curves
from zsg_harness.services.surroundings import DownloadFolder
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.store import Store
from zsg_registry import ExampleSet, Registry, ZsgError


@dataclass(frozen=True, slots=True)
class Consumed:
    """A finished cell.

    Attributes:
        status: That of the attempt that counts.
        roles: Its examples.
        scored: The examples that were really scored.
        rows: Where in the pool each consumed example is, in the order of consumption.
        steps: The optimizer step that consumed each.
        curves: The loss of each unseen task over training.
    """

    cell: Cell
    status: dict[str, Any]
    roles: Roles
    scored: ExampleSet
    rows: NDArray[np.int64]
    steps: NDArray[np.int64]
    curves: TaskCurves

    def counts(self) -> NDArray[np.int64]:
        """How many examples were consumed up to each evaluation."""
        return np.searchsorted(self.steps, self.curves.steps, side="right").astype(np.int64)

    def between(self, after: int, until: int) -> slice:
        """The examples of the steps behind one, up to another."""
        first, last = np.searchsorted(self.steps, [after, until], side="right").tolist()
        return slice(first, last)


def read_consumed(store: Store, cell: Cell, registry: Registry, *, offline: bool) -> Consumed:
    """Read a cell's receipt, and load its data set as the cell did.

    Raises:
        ZsgError: The cell is not finished, a file of it is damaged, or its data cannot be had any more.
    """
    attempt = store.committed(cell.cell_id)
    if attempt is None:
        raise ZsgError(f"the cell {cell.cell_id} is not finished: it has no receipt yet")
    try:
        roles = load_roles(cell, registry, DownloadFolder(store.cache.folder / "downloads", offline), store.cache)
    except (ZsgError, OSError) as error:
        raise ZsgError(f"the data of cell {cell.cell_id} ({cell.dataset}) cannot be loaded: {error}") from error
    status = attempt.read_json("status")
    receipt = attempt.read_table("receipt")
    return Consumed(
        cell,
        status,
        roles,
        ExampleSet(store.read_eval_set(status["evalset"])),
        _rows(cell, roles.pool, receipt["example_id"].to_pylist()),
        receipt["step"].to_numpy().astype(np.int64),
        _curves(cell, attempt),
    )


def _rows(cell: Cell, pool: ExampleSet, ids: list[str]) -> NDArray[np.int64]:
    places = {example: row for row, example in enumerate(pool.ids)}
    try:
        return np.array([places[example] for example in ids], dtype=np.int64)
    except KeyError as error:
        raise ZsgError(f"cell {cell.cell_id} consumed {error}, which its data does not have any more") from None


def _curves(cell: Cell, attempt: Attempt) -> TaskCurves:
    """The loss of each unseen task; a task without a loss at some step is left out."""
    scores = attempt.read_table("scores").to_pandas()
    scores["task"] = scores["task"].fillna("")
    # `loss` is of unseen tasks: what is of others has other names.
    groups = task_curves(scores.assign(cell=cell.cell_id, scope="unseen"))
    return max(groups, key=lambda group: len(group.tasks))
