"""Worker processes on this machine: one cell's crash, or its hanging, ends that cell alone."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.executors.nursery import how_ended, start
from zsg_harness.executors.process import STOP, WorkerSettings, make_environment
from zsg_harness.executors.slots import make_slots
from zsg_harness.executors.worker import worker_log, worker_main
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell

if TYPE_CHECKING:
    from zsg_harness.executors.work import Work
    from zsg_harness.store.store import Store

Event = Progress | Outcome

_PATIENCE: Final = 0.5
"""Seconds after which the time limit, other runs and Ctrl-C are looked after, whatever workers say."""

_FAREWELL: Final = 3.0
"""Seconds that a worker without a cell has to end by itself."""

_LOG_LINES: Final = 20


def run_in_workers(work: Work, store: Store, run: RunTable, asked_to_stop: Callable[[], bool]) -> Generator[Event]:
    """Run cells in a worker process for each slot, yielding what they report.

    A worker that ends in the middle of a cell, or is over the time limit, fails that cell; another takes its place.
    When asked to stop, workers save their cell's state and end. Closing the iterator ends them at once; what they had
    not committed is lost, and nothing else.

    Args:
        work: The cells.
        store: Where results go.
        run: How to run.
        asked_to_stop: Whether to stop.
    """
    slots = make_slots(run, work.size)
    workers = [_Worker(WorkerSettings(store.url, run, slot)) for slot in slots]
    try:
        while not work.over:
            if asked_to_stop() and not work.stopping:
                work.stopping = True
                for worker in workers:
                    worker.stop()
            for position, worker in enumerate(workers):
                if worker.cell is None:
                    worker.give(work.next(), store)
                elif worker.seconds > 60 * run.cell_timeout_minutes > 0:
                    yield from _lost(worker, work, store, f"it took longer than {run.cell_timeout_minutes:g} minutes")
                    workers[position] = _Worker(worker.settings)
            yield from work.look_elsewhere()
            for worker in _talking(workers):
                event = worker.receive()
                if event is None:
                    yield from _lost(worker, work, store, None)
                    workers[workers.index(worker)] = _Worker(worker.settings)
                elif isinstance(event, Progress) or work.ended(event):
                    yield event
    finally:
        for worker in workers:
            worker.dismiss()
        for worker in workers:
            worker.end()


def run_in_process(work: Work, store: Store, run: RunTable, asked_to_stop: Callable[[], bool]) -> Generator[Event]:
    """Run cells one after the other in this process, for a debugger. Progress is not reported."""
    (slot, *_) = make_slots(run.model_copy(update={"workers": 1}))
    environment = replace(make_environment(WorkerSettings(store.url, run, slot)), asked_to_stop=asked_to_stop)
    from zsg_harness.cells.run import run_cell

    while not work.over:
        work.stopping = asked_to_stop()
        cell = work.next()
        if cell is None:
            time.sleep(_PATIENCE)
            yield from work.look_elsewhere()
            continue
        outcome = run_cell(cell, store, environment, lambda progress: None)
        if work.ended(outcome):
            yield outcome


@dataclass(slots=True, init=False)
class _Worker:
    """A process and the cell it works on; `before` is the last attempt that others made at it."""

    settings: WorkerSettings
    process: BaseProcess
    connection: Connection
    cell: Cell | None
    since: float
    before: str

    def __init__(self, settings: WorkerSettings) -> None:
        self.settings = settings
        self.connection, theirs = multiprocessing.Pipe()
        self.process = start(worker_main, settings, theirs, daemon=settings.run.processes_per_cell == 1)
        theirs.close()
        self.cell = None
        self.since = time.monotonic()
        self.before = ""

    @property
    def seconds(self) -> float:
        """How long it has worked on its cell."""
        return time.monotonic() - self.since

    def give(self, cell: Cell | None, store: Store) -> None:
        """Hand over the next cell, if there is one."""
        if cell is not None:
            self.cell, self.since = cell, time.monotonic()
            self.before = store.newest_attempt(cell.cell_id)
            self._send(cell.model_dump_json())

    def stop(self) -> None:
        """Ask for the cell's state to be saved."""
        if self.cell is not None:
            self._send(STOP)

    def receive(self) -> Event | None:
        """What the worker says, or None if it is gone."""
        try:
            event: Event = self.connection.recv()
        except (EOFError, OSError):
            return None
        if isinstance(event, Outcome):
            self.cell = None
        elif event.stage == "loading":
            self.since = time.monotonic()  # what came before is the process's start, and no fault of the cell's
        return event

    def dismiss(self) -> None:
        """Let it end by itself, if it has nothing to do: killed, it would leave semaphores that Python complains of."""
        if self.cell is None:
            self.connection.close()

    def end(self) -> None:
        """End the process, at once if it has something to do."""
        if self.cell is None:
            self.process.join(_FAREWELL)
        self.process.kill()
        self.process.join()
        self.connection.close()

    def _send(self, text: str) -> None:
        try:
            self.connection.send(text)
        except OSError:
            return  # it is gone, as is seen when it should say something


def _talking(workers: Sequence[_Worker]) -> list[_Worker]:
    """The workers that have something to say, now or soon."""
    busy = {worker.connection: worker for worker in workers if worker.cell is not None}
    return [busy[connection] for connection in wait(list(busy), timeout=_PATIENCE) if connection in busy]


def _lost(worker: _Worker, work: Work, store: Store, reason: str | None) -> Generator[Outcome]:
    """Record that a cell ends without its worker's word."""
    assert worker.cell is not None
    if reason is None:
        worker.process.join()
        reason = f"its worker process ended ({how_ended(worker.process)})"
    worker.end()
    tail = _tail(worker_log(store, worker.process.pid))
    reason = " ".join(": ".join([reason, *tail[-1:]]).split())[:500]
    attempt = ""
    with suppress(OSError):  # a store that cannot be written: the reason is told all the same
        attempt = store.mark_failed(
            worker.cell.cell_id, worker.cell.description, worker.before, reason, "\n".join(tail)
        )
    outcome = Outcome(worker.cell.cell_id, "failed", reason, worker.seconds, {}, attempt)
    if work.ended(outcome):
        yield outcome


def _tail(log: Path) -> list[str]:
    """The last lines of a log that say something."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.is_file() else []
    return [line for line in lines if line.strip()][-_LOG_LINES:]
