"""What runs inside a Ray cluster: a cell as a task, and the desk at which cells tell how they get on.

This module imports nothing heavy, so that the number of threads can be set before torch is loaded.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import replace
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any, Final

import ray

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.executors.process import STOP, WorkerSettings, make_environment
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store

_INTERVAL: Final = 0.25
"""Seconds between words of a cell that says the same thing again and again."""


class Desk:
    """An actor beside the driver: cells tell it how they get on, and it answers whether to stop."""

    def __init__(self) -> None:
        self._told: list[Progress] = []
        self._stopping = False

    def tell(self, progress: Progress) -> bool:
        """Take note; returns whether the cell is to save its state and end."""
        self._told.append(progress)
        return self._stopping

    def listen(self) -> list[Progress]:
        """What was told since the last time."""
        told, self._told = self._told, []
        return told

    def stop(self) -> None:
        """Let every cell end that tells something from now on."""
        self._stopping = True


def run_task(settings: WorkerSettings, environment: Mapping[str, str], text: str, desk: Any) -> Outcome:
    """Run a cell on the devices that Ray gave to this process.

    Args:
        settings: The worker's; the GPUs of its slot are Ray's choice.
        environment: What the driver's environment says about how to run.
        text: The cell.
        desk: The handle of the `Desk`.
    """
    os.environ.update(environment)
    cell = Cell.model_validate_json(text)
    line = _Line(desk)
    line.tell(Progress(cell.cell_id, "starting"))
    gpus = ",".join(map(str, ray.get_gpu_ids()))
    settings = replace(settings, slot=replace(settings.slot, gpus=gpus))
    if settings.run.processes_per_cell > 1:
        outcome = _run_together(settings, cell, line)
    else:
        outcome = _run_alone(settings, cell, line)
    line.close()
    return outcome


def _run_alone(settings: WorkerSettings, cell: Cell, line: _Line) -> Outcome:
    surroundings = make_environment(settings)
    from zsg_harness.cells.run import run_cell

    return run_cell(cell, Store(settings.store), replace(surroundings, asked_to_stop=line.asked_to_stop), line.tell)


def _run_together(settings: WorkerSettings, cell: Cell, line: _Line) -> Outcome:
    """Run a cell in several processes of this node, whose first one talks through a pipe."""
    from zsg_harness.executors.ranks import run_ranks

    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    relay = Thread(target=_relay, args=(ours, line), daemon=True)
    relay.start()
    try:
        return run_ranks(settings, theirs, cell)
    finally:
        theirs.close()
        relay.join()


def _relay(connection: Connection, line: _Line) -> None:
    """Pass on what the processes of a cell say, and to them that they are to stop."""
    told_to_stop = False
    while True:
        try:
            if connection.poll(_INTERVAL):
                line.tell(connection.recv())
            if line.asked_to_stop() and not told_to_stop:
                told_to_stop = True
                connection.send(STOP)
        except (EOFError, OSError):
            return


class _Line:
    """A cell's line to the desk. The answer to what it tells is whether to stop; nobody waits for it.

    A task that waits in `ray.get` or `ray.wait` lends its cores to another one meanwhile: answers are futures.
    """

    def __init__(self, desk: Any) -> None:
        self._desk = desk
        self._answer: Future[bool] = Future()
        self._stage = ""
        self._told = 0.0
        self._asked = False

    def tell(self, progress: Progress) -> None:
        """Pass on how the cell gets on; steps may be faster than anybody looks, and then some are left out."""
        now = time.monotonic()
        if progress.stage == self._stage and not progress.scores and now - self._told < _INTERVAL:
            return
        self._stage, self._told = progress.stage, now
        self._answer = self._desk.tell.remote(progress).future()

    def asked_to_stop(self) -> bool:
        """Whether the cell is to save its state and end, as far as the desk has answered."""
        self._asked = self._asked or (self._answer.done() and self._answer.result())
        return self._asked

    def close(self) -> None:
        """See that all was heard."""
        self._answer.result()
