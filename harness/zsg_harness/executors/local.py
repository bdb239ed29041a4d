"""Worker processes on this machine: one cell's crash ends that cell alone."""

from __future__ import annotations

import multiprocessing
import os
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import TYPE_CHECKING

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.executors.worker import WorkerSettings, make_environment, worker_main
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell

if TYPE_CHECKING:
    from zsg_harness.store.store import Store

Event = Progress | Outcome


def run_in_workers(cells: Sequence[Cell], store: Store, run: RunTable) -> Generator[Event, None, None]:
    """Run cells in `run.workers` processes, started afresh (spawn), yielding what they report.

    A worker that ends in the middle of a cell fails that cell; another takes its place. Closing the iterator ends
    the workers at once; what they had not committed is lost, and nothing else.
    """
    waiting = deque(cells)
    count = min(run.workers, len(cells))
    # Not by `count`: a resumed cell must get as many threads as it would have had, for the same last digits.
    threads = max(1, len(os.sched_getaffinity(0)) // run.workers)
    workers = [_Worker(WorkerSettings(store.root, run, number, threads)) for number in range(count)]
    try:
        for worker in workers:
            worker.give(waiting)
        while any(worker.cell is not None for worker in workers):
            ready = set(wait([worker.connection for worker in workers if worker.cell is not None]))
            for position, worker in enumerate(workers):
                if worker.connection not in ready:
                    continue
                event = worker.receive()
                if event is None:
                    yield _crashed(worker, store)
                    workers[position] = worker = _Worker(worker.settings)
                    worker.give(waiting)
                    continue
                yield event
                if isinstance(event, Outcome):
                    worker.give(waiting)
    finally:
        for worker in workers:
            worker.end()


def run_in_process(cells: Sequence[Cell], store: Store, run: RunTable) -> Generator[Event, None, None]:
    """Run cells one after the other in this process, for a debugger. Progress is not reported."""
    settings = WorkerSettings(store.root, run, 0, len(os.sched_getaffinity(0)))
    environment = make_environment(settings)
    from zsg_harness.cells.run import run_cell

    for cell in cells:
        yield run_cell(cell, store, environment, lambda progress: None)


@dataclass(slots=True, init=False)
class _Worker:
    """A process and the cell it works on."""

    settings: WorkerSettings
    process: SpawnProcess
    connection: Connection
    cell: Cell | None

    def __init__(self, settings: WorkerSettings) -> None:
        context = multiprocessing.get_context("spawn")
        self.settings = settings
        self.connection, theirs = context.Pipe()
        # Only a worker that is no daemon may have processes of its own.
        daemon = settings.run.processes_per_cell == 1
        self.process = context.Process(target=worker_main, args=(settings, theirs), daemon=daemon)
        self.process.start()
        theirs.close()
        self.cell = None

    def give(self, waiting: deque[Cell]) -> None:
        """Hand over the next cell, if there is one."""
        self.cell = waiting.popleft() if waiting else None
        if self.cell is not None:
            self.connection.send(self.cell.model_dump_json())

    def receive(self) -> Event | None:
        """What the worker says, or None if it is gone."""
        try:
            event: Event = self.connection.recv()
        except (EOFError, OSError):
            return None
        return event

    def end(self) -> None:
        """End the process at once."""
        self.process.kill()
        self.process.join()
        self.connection.close()


def _crashed(worker: _Worker, store: Store) -> Outcome:
    """Record that a cell's worker ended under it."""
    assert worker.cell is not None
    worker.process.join()
    code = worker.process.exitcode
    how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
    log = store.root / "logs" / f"worker-{worker.process.pid}.log"
    reason = f"its worker process ended ({how}){_last_line(log)}"
    store.mark_failed(worker.cell.cell_id, reason)
    worker.connection.close()
    return Outcome(worker.cell.cell_id, "failed", reason, 0.0, {})


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() if log.is_file() else []
    return f": {lines[-1][:300]}" if lines else ""
