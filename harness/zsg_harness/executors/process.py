"""A process in which cells are run, whoever began it: what it is told, its surroundings, and how it reports.

This module imports nothing heavy, so that the number of threads can be set before torch is loaded.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Final

from zsg_harness.cells.origin import Origin, find_origin
from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.executors.slots import Slot
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store

if TYPE_CHECKING:
    from zsg_harness.cells.preparation import Environment

_PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h
STOP: Final = "stop"
"""Sent to a worker, it asks for the cell's state to be saved and its end."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """What a worker is told once.

    Attributes:
        store: The store's place.
        run: The matrix's `[run]` settings.
        slot: Its devices, and how many threads it may use.
        origin: Which code the run was started from: that of whoever makes the settings.
    """

    store: str
    run: RunTable
    slot: Slot
    origin: Origin = field(default_factory=find_origin)


def make_environment(settings: WorkerSettings, rank: int = 0) -> Environment:
    """The surroundings of cells in this process; the first call imports torch and transformers.

    Args:
        settings: The worker's.
        rank: Which of the processes of a cell this is, and so which of the slot's GPUs it takes.
    """
    os.environ["CUDA_VISIBLE_DEVICES"] = settings.slot.gpus
    os.environ["OMP_NUM_THREADS"] = str(settings.slot.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    import torch
    import transformers
    from huggingface_hub import is_offline_mode
    from threadpoolctl import threadpool_limits

    from zsg_harness.cells.preparation import Environment
    from zsg_harness.training.world import join_world
    from zsg_registry import Registry

    torch.set_num_threads(settings.slot.threads)
    threadpool_limits(settings.slot.threads)  # of libraries that were loaded before the variable was set
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    devices = torch.cuda.device_count()
    device = torch.device("cuda", rank % devices) if devices else torch.device("cpu")
    world = join_world(device)
    if devices:
        torch.cuda.set_device(device)  # of which generators and kernels are, where none is named
    return Environment(
        registry=Registry(),
        cache=Store(settings.store).cache,
        run=settings.run,
        device=device,
        offline=is_offline_mode(),
        world=world,
        origin=settings.origin,
    )


def end_with_parent() -> None:
    """End at once when the parent does, however it ends: a cell that nobody waits for must not go on beside another."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def cell_runner(environment: Environment, store: Store, connection: Connection) -> Callable[[Cell], Outcome]:
    """What runs a cell in this process and reports to the parent."""
    from zsg_harness.cells.run import run_cell

    def report(progress: Progress) -> None:
        try:
            connection.send(progress)
        except OSError as error:  # the parent is gone: what is done is committed, and nobody waits for the rest
            raise SystemExit(f"the run that this worker belongs to does not listen: {error}") from None

    def run(cell: Cell) -> Outcome:
        asked = _Stop(connection)
        return run_cell(cell, store, replace(environment, asked_to_stop=asked), report)

    return run


@dataclass(slots=True)
class _Stop:
    """Whether the parent has asked for the cell's end."""

    connection: Connection
    asked: bool = False

    def __call__(self) -> bool:
        while not self.asked and self.connection.poll():
            self.asked = self.connection.recv() == STOP
        return self.asked
