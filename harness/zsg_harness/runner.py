"""Running a matrix: plan, compare with the store, execute what is missing, write the leaderboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.hooks import events as stories
from zsg_harness.hooks.columns import columns_of
from zsg_harness.hooks.journal import Journal, leftovers
from zsg_harness.hooks.plugins import hook_plugins
from zsg_harness.hooks.queues import HookQueues
from zsg_harness.identity import identity
from zsg_harness.interrupts import Interrupts
from zsg_harness.listener import Listener
from zsg_harness.matrix.load import LoadedMatrix
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.build import Plan, build_plan
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.decide import Wanted, decide
from zsg_registry import Registry, ZsgError

if TYPE_CHECKING:
    from zsg_harness.reports import Leaderboard
    from zsg_harness.store.store import Store


_STOPPING: Final = "stopping: running cells save their state; Ctrl-C again stops at once"


@dataclass(frozen=True, slots=True)
class RunOptions:
    """How to run, never what.

    Attributes:
        run: What goes over the matrix's `[run]` table.
        in_process: Run in this process, for a debugger.
        wanted: Which cells, in which order.
        limit: Only the first so many of the cells that are to be run.
        fail_fast: Stop at the first failure.
        out: Where the reports go; by default into the store.
    """

    run: Mapping[str, Any] = field(default_factory=dict)
    in_process: bool = False
    wanted: Wanted = field(default_factory=Wanted)
    limit: int | None = None
    fail_fast: bool = False
    out: Path | None = None


@dataclass(slots=True)
class RunSummary:
    """How a run ended.

    Attributes:
        outcomes: Of the cells that this run executed.
        cells: The cells that were asked for, with the state they had before.
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

    listener = listener or Listener()
    if store.url.startswith("memory://") and not options.in_process:
        raise ZsgError(f"the store {store.url} is seen by this process alone, and cells run in others (--in-process)")
    registry = Registry()
    plan = build_plan(loaded, registry)
    plugins = hook_plugins(registry, loaded.matrix.hooks, listener.warned)
    cells = decide(plan, store, options.wanted)
    settings = loaded.matrix.run.model_copy(update=dict(options.run))
    _preflight(cells, store, settings, options)
    store.prepare()
    digest = freeze(plan, store)
    for warning in plan.warnings:
        listener.warned(warning)
    listener.planned(cells)
    name = loaded.matrix.matrix.name
    folder = str(options.out or f"{store.url}/leaderboards/{name.replace('/', '-')}")
    journal = Journal(store.scratch / "hooks") if plugins else None
    with HookQueues(plugins, listener.warned, journal) as queues:
        _tell_leftovers(queues, store)
        queues.tell(stories.plan_created(name, digest, Counter(cell.state for cell in cells)))
        outcomes, stopped = _execute(cells, store, settings, options, listener, queues)
        _add_missing_metrics(plan, cells, store, registry, listener)
        added = columns_of(queues, listener.warned)
        leaderboard = build(store, folder, matrix=f"{name.replace('/', '-')}-{digest}", added=added)
        ends: dict[str, str] = {outcome.cell_id: outcome.state for outcome in outcomes}
        now = Counter(ends.get(cell.cell_id, cell.state) for cell in cells)
        queues.tell(stories.matrix_finished(name, digest, now))
        queues.tell(stories.leaderboard_written(leaderboard, folder))
    return RunSummary(cells, folder, leaderboard, outcomes, stopped)


def _tell_leftovers(queues: HookQueues, store: Store) -> None:
    """Tell what a run on this store had yet to tell when it was killed."""
    if not queues.names:
        return
    for left in leftovers(store.scratch / "hooks"):
        for story, plugins in left.untold:
            queues.tell(story, plugins)
        for started in left.begun:
            queues.tell(stories.end_in_store(started, store))


def _preflight(cells: Sequence[Cell], store: Store, settings: RunTable, options: RunOptions) -> None:
    """Find bad input before any cell begins. Where none is to be run, nothing is loaded."""
    if cells and all(cell.state == "skipped" for cell in cells):
        raise ZsgError(f"no cell can run: {cells[0].reason}")
    to_run = [cell for cell in cells if cell.state == "run"]
    if not to_run:
        return
    if options.in_process or settings.executor == "ray":
        _look_at(to_run, store.url, settings)
        return
    from zsg_harness.executors import nursery

    nursery.call(_look_at, to_run, store.url, settings)


def _look_at(to_run: Sequence[Cell], place: str, settings: RunTable) -> None:
    from huggingface_hub import is_offline_mode

    from zsg_harness.cells.preflight import preflight
    from zsg_harness.services.surroundings import DownloadFolder
    from zsg_harness.store.store import Store

    cache = Store(place).cache
    downloads = DownloadFolder(cache.folder / "downloads", is_offline_mode())
    preflight(to_run, Registry(), downloads, cache, settings)


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
    queues: HookQueues,
) -> tuple[list[Outcome], bool]:
    from zsg_harness.executors.work import Work
    from zsg_harness.store.leases import Leases

    todo = [cell for cell in cells if cell.state == "run"][: options.limit]
    if not todo:
        return [], False
    by_id = {cell.cell_id: cell for cell in todo}
    outcomes: list[Outcome] = []
    with Interrupts(lambda: listener.warned(_STOPPING)) as interrupts, Leases(store.files) as leases:
        work = Work(todo, store, leases, settings.retries, listener)
        events = _executor(settings, options)(work, store, settings, interrupts)
        try:
            for event in events:
                queues.tell(stories.of_cell(event, by_id[event.cell_id]))
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


def _executor(settings: RunTable, options: RunOptions) -> Callable[..., Generator[Progress | Outcome]]:
    if settings.executor == "ray" and not options.in_process:
        from zsg_harness.executors.ray import run_on_ray

        return run_on_ray
    from zsg_harness.executors.local import run_in_process, run_in_workers

    return run_in_process if options.in_process else run_in_workers


def _add_missing_metrics(
    plan: Plan, cells: Sequence[Cell], store: Store, registry: Registry, listener: Listener
) -> None:
    """Score the cells that were done before this matrix asked for one metric more."""
    from zsg_harness.evaluation.rescore import can_be_added, known_outputs, rescore
    from zsg_harness.matrix.expand import Expander
    from zsg_registry import Metric

    choices = Expander(registry, plan.loaded.base_dir).choices("metric", plan.loaded.matrix.matrix.metrics)
    has_probe = plan.loaded.matrix.data.probe_per_task > 0
    for cell in cells:
        known = known_outputs(store, cell.cell_id)
        for choice in choices:
            metric = choice.components[0]
            assert isinstance(metric, Metric)
            fits = can_be_added(metric) and (metric.scope != "seen" or has_probe)
            if not fits or known is None or set(metric.outputs) <= known:
                continue
            try:
                rescore(store, cell.cell_id, choice)
            except ZsgError as error:
                listener.warned(str(error))
