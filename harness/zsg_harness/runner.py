"""Running a matrix: plan, compare with the store, execute what is missing, write the leaderboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.hooks import HookCaller, hook_of
from zsg_harness.interrupts import Interrupts
from zsg_harness.matrix.load import LoadedMatrix
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.build import Plan, build_plan
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.filter import choose
from zsg_harness.plan.identity import identity
from zsg_registry import Registry, hooks

if TYPE_CHECKING:
    from zsg_harness.reports import Leaderboard
    from zsg_harness.store.store import Store


_STOPPING: Final = "stopping: running cells save their state; Ctrl-C again stops at once"


class Listener(Protocol):
    """Who watches a run, such as the terminal's display."""

    def planned(self, cells: Sequence[Cell]) -> None:
        """The cells, each with its state; nothing has run yet."""

    def progressed(self, progress: Progress) -> None:
        """A running cell got on."""

    def ended(self, outcome: Outcome) -> None:
        """A cell ended."""

    def warned(self, message: str) -> None:
        """Something the user should know, in one line."""


class Silence:
    """A listener that does nothing."""

    def planned(self, cells: Sequence[Cell]) -> None:
        """See `Listener`."""

    def progressed(self, progress: Progress) -> None:
        """See `Listener`."""

    def ended(self, outcome: Outcome) -> None:
        """See `Listener`."""

    def warned(self, message: str) -> None:
        """See `Listener`."""


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run, never what.

    Attributes:
        run: What goes over the matrix's `[run]` table.
        in_process: Run in this process, for a debugger.
        filters: Only the cells that match (see `zsg_harness.plan.filter`).
        limit: Only the first so many of the cells that are to be run.
        fail_fast: Stop at the first failure.
        out: Where the reports go; by default into the store.
    """

    run: Mapping[str, Any] = field(default_factory=dict)
    in_process: bool = False
    filters: Sequence[str] = ()
    limit: int | None = None
    fail_fast: bool = False
    out: Path | None = None


@dataclass(slots=True)
class RunSummary:
    """How a run ended.

    Attributes:
        outcomes: Of the cells that this run executed.
        cells: All cells of the plan, with the state they had before.
        leaderboard: The reports, and where they are.
        folder: Where the reports are.
        stopped: Whether `fail_fast` ended it early.
    """

    cells: Sequence[Cell]
    folder: str
    leaderboard: Leaderboard
    outcomes: list[Outcome] = field(default_factory=list)
    stopped: bool = False

    @property
    def failed(self) -> list[Outcome]:
        """The cells that failed."""
        return [outcome for outcome in self.outcomes if outcome.state == "failed"]


def run_matrix(loaded: LoadedMatrix, store: Store, options: RunOptions, listener: Listener | None = None) -> RunSummary:
    """Run what is missing of a matrix, and write its leaderboard.

    Raises:
        ZsgError: The matrix or the store is not usable; nothing was run.
    """
    from zsg_harness.reports import build

    listener = listener or Silence()
    registry = Registry()
    plan = build_plan(loaded, registry)
    call_hook = HookCaller(registry, loaded.matrix.hooks, listener.warned)
    chosen = choose(plan.cells, options.filters) if options.filters else plan.cells
    cells = compare_with_store(chosen, store)
    settings = loaded.matrix.run.model_copy(update=dict(options.run))
    _preflight(cells, registry, store, settings)
    store.prepare()
    digest = freeze(plan, store)
    for warning in plan.warnings:
        listener.warned(warning)
    listener.planned(cells)
    name = loaded.matrix.matrix.name
    states: Counter[str] = Counter(cell.state for cell in cells)
    call_hook("zsg_plan_created", hooks.PlanCreated(event_id=f"plan-{digest}", matrix=name, cells=dict(states)))
    outcomes, stopped = _execute(cells, store, settings, options, listener, call_hook)
    _add_missing_metrics(plan, cells, store, registry, listener)
    folder = str(options.out or f"{store.url}/leaderboards/{name.replace('/', '-')}")
    leaderboard = build(store, folder, matrix=f"{name.replace('/', '-')}-{digest}")
    call_hook(
        "zsg_matrix_finished",
        hooks.MatrixFinished(
            event_id=f"finished-{digest}", matrix=name, cells=dict(Counter(outcome.state for outcome in outcomes))
        ),
    )
    call_hook("zsg_leaderboard_written", hooks.LeaderboardWritten(event_id=f"leaderboard-{digest}", folder=folder))
    return RunSummary(cells, folder, leaderboard, outcomes, stopped)


def compare_with_store(cells: Sequence[Cell], store: Store) -> list[Cell]:
    """The cells with what is to be done about each, and why."""
    done, begun = store.done_cells(), set(store.cell_ids())
    return [_compared(cell, cell.cell_id in done, cell.cell_id in begun, store) for cell in cells]


def _compared(cell: Cell, done: bool, begun: bool, store: Store) -> Cell:
    if done:
        return cell.model_copy(update={"state": "done", "reason": "in the store"})
    if cell.state == "skipped":
        return cell
    before = store.last_status(cell.cell_id) if begun else None
    if before is None:
        return cell.model_copy(update={"reason": "new"})
    reason = f"failed before: {before['reason']}" if before["state"] == "failed" else "was cut short before"
    return cell.model_copy(update={"reason": reason})


def _preflight(cells: Sequence[Cell], registry: Registry, store: Store, settings: RunTable) -> None:
    """Find bad input before any cell begins. Where none is to be run, nothing is loaded."""
    to_run = [cell for cell in cells if cell.state == "run"]
    if not to_run:
        return
    from huggingface_hub import is_offline_mode

    from zsg_harness.cells.preflight import preflight
    from zsg_harness.services.surroundings import DownloadFolder

    preflight(to_run, registry, DownloadFolder(store.cache.folder / "downloads", is_offline_mode()), settings)


def freeze(plan: Plan, store: Store) -> str:
    """Write the plan into the store; returns its digest."""
    matrix = plan.loaded.matrix
    cells = [
        {
            "cell_id": cell.cell_id,
            "labels": cell.labels.model_dump(),
            "seeds": cell.user_seeds,
            "access": cell.access,
            "state": "skipped" if cell.state == "skipped" else "planned",
            "reason": cell.reason,
        }
        for cell in plan.cells
    ]
    document = {"name": matrix.matrix.name, "matrix": plan.loaded.published(), "cells": cells}
    digest = identity(document)[:8]
    store.write_matrix(matrix.matrix.name, digest, document)
    return digest


def _execute(
    cells: Sequence[Cell],
    store: Store,
    settings: RunTable,
    options: RunOptions,
    listener: Listener,
    call_hook: Callable[[str, hooks.Event], None],
) -> tuple[list[Outcome], bool]:
    from zsg_harness.executors.local import run_in_process, run_in_workers
    from zsg_harness.executors.work import Work
    from zsg_harness.store.leases import Leases

    todo = [cell for cell in cells if cell.state == "run"][: options.limit]
    if not todo:
        return [], False
    by_id = {cell.cell_id: cell for cell in todo}
    outcomes: list[Outcome] = []
    with Interrupts(lambda: listener.warned(_STOPPING)) as interrupts, Leases(store.files) as leases:
        work = Work(todo, store, leases, settings.retries)
        events = (run_in_process if options.in_process else run_in_workers)(work, store, settings, interrupts)
        try:
            for event in events:
                hook = hook_of(event, by_id[event.cell_id].labels.model_dump())
                if hook is not None:
                    call_hook(*hook)
                if isinstance(event, Progress):
                    listener.progressed(event)
                    continue
                outcomes.append(event)
                listener.ended(event)
                if event.state == "failed" and options.fail_fast:
                    return outcomes, True
        finally:
            events.close()
        if interrupts.asked:
            raise KeyboardInterrupt
    return outcomes, False


def _add_missing_metrics(
    plan: Plan, cells: Sequence[Cell], store: Store, registry: Registry, listener: Listener
) -> None:
    """Score the cells that were done before this matrix asked for one metric more."""
    from zsg_harness.evaluation.rescore import known_outputs, rescore
    from zsg_harness.matrix.expand import Expander
    from zsg_registry import Metric, ZsgError

    choices = Expander(registry, plan.loaded.base_dir).choices("metric", plan.loaded.matrix.matrix.metrics)
    for cell in cells:
        known = known_outputs(store, cell.cell_id)
        for choice in choices:
            metric = choice.components[0]
            assert isinstance(metric, Metric)
            if "model" in metric.requires or known is None or set(metric.outputs) <= known:
                continue
            try:
                rescore(store, cell.cell_id, choice)
            except ZsgError as error:
                listener.warned(str(error))
