"""The worker: takes cells one at a time, keeps its libraries and data warm between them."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from zsg_harness.cells.outcome import Outcome
from zsg_harness.executors.process import STOP, WorkerSettings, cell_runner, end_with_parent, make_environment
from zsg_harness.executors.ranks import run_ranks
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store


def worker_main(settings: WorkerSettings, connection: Connection) -> None:
    """Run cells until the parent goes away."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # they reach the whole group; the parent decides what ends
    end_with_parent()
    store = Store(settings.store)
    _redirect_output(worker_log(store, os.getpid()))
    run: Callable[[Cell], Outcome]
    if settings.run.processes_per_cell > 1:
        run = partial(run_ranks, settings, connection)
    else:
        run = cell_runner(make_environment(settings), store, connection)
    while True:
        try:
            text = connection.recv()
        except EOFError:
            return
        if text != STOP:
            connection.send(run(Cell.model_validate_json(text)))


def worker_log(store: Store, process: int | None) -> Path:
    """Where what a worker prints goes."""
    return store.scratch / "logs" / f"worker-{process}.log"


def _redirect_output(path: Path) -> None:
    """What libraries and plugins print goes to a file: the terminal belongs to the parent's display."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
