"""The worker: takes cells one at a time, keeps its libraries and data warm between them.

This module imports nothing heavy, so that the number of threads can be set before torch is loaded.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from zsg_harness.cells.progress import Progress
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell

if TYPE_CHECKING:
    from zsg_harness.cells.preparation import Environment


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told once.

    Attributes:
        store: The store's folder.
        run: The matrix's `[run]` settings.
        number: Which worker this is, from 0; decides which of several devices it takes.
        threads: How many threads it may use.
    """

    store: Path
    run: RunTable
    number: int
    threads: int


def worker_main(settings: WorkerSettings, connection: Connection) -> None:
    """Run cells until the parent sends None or goes away."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent decides what ends
    _redirect_output(settings.store / "logs" / f"worker-{os.getpid()}.log")
    environment, run_cell, store = _start(settings)

    def report(progress: Progress) -> None:
        try:
            connection.send(progress)
        except OSError:
            os._exit(1)  # the parent is gone: what is done is committed, and nobody waits for the rest

    while True:
        try:
            text = connection.recv()
        except EOFError:
            return
        if text is None:
            return
        connection.send(run_cell(Cell.model_validate_json(text), store, environment, report))


def make_environment(settings: WorkerSettings) -> Environment:
    """The surroundings of cells in this process; the first call imports torch and transformers."""
    os.environ["OMP_NUM_THREADS"] = str(settings.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    import torch
    import transformers
    from huggingface_hub import is_offline_mode

    from zsg_harness.cells.preparation import Environment
    from zsg_registry import Registry

    torch.set_num_threads(settings.threads)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    devices = torch.cuda.device_count()
    return Environment(
        registry=Registry(),
        cache=settings.store / "cache",
        run=settings.run,
        device=torch.device("cuda", settings.number % devices) if devices else torch.device("cpu"),
        offline=is_offline_mode(),
    )


def _start(settings: WorkerSettings):  # type: ignore[no-untyped-def]
    environment = make_environment(settings)
    from zsg_harness.cells.run import run_cell
    from zsg_harness.store.store import Store

    return environment, run_cell, Store(settings.store)


def _redirect_output(path: Path) -> None:
    """What libraries and plugins print goes to a file: the terminal belongs to the parent's display."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
