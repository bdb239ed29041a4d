"""The cells of a matrix as tasks on a Ray cluster, or on a Ray of this machine alone."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import ray
from ray.exceptions import (
    LocalRayletDiedError,
    NodeDiedError,
    OutOfMemoryError,
    RayError,
    RayTaskError,
    TaskCancelledError,
    WorkerCrashedError,
)
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.executors.process import WorkerSettings
from zsg_harness.executors.ray_share import Share, share_of
from zsg_harness.executors.ray_worker import Desk, run_task
from zsg_harness.executors.slots import Slot
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_registry import ZsgError

if TYPE_CHECKING:
    from zsg_harness.executors.work import Work
    from zsg_harness.store.store import Store

Event = Progress | Outcome

_PATIENCE: Final = 0.5
"""Seconds after which the time limit, other runs and Ctrl-C are looked after, whatever cells say."""

_CONNECT: Final = 5.0
"""Seconds that an address has to answer."""

_SETTINGS: Final = bytes((0, 0, 0, 4, 0, 0, 0, 0, 0))
_GREETING: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + _SETTINGS
"""How a client of gRPC, which Ray speaks, begins: HTTP/2's preface, and settings. Settings are the answer too."""

_MOVES: Final = 3
"""How often a cell goes to another node because its own was lost: it may be the cell that ends them."""

_NODE_LOST: Final = (NodeDiedError, LocalRayletDiedError)

_PASSED_ON: Final = ("HF_HUB_OFFLINE", "ZSG_PLUGINS", "ZSG_STRICT")
"""What of the environment goes to the nodes. Keys to a store do not: they would be shown in Ray's dashboard."""


def check_ray(run: RunTable) -> None:
    """See that cells can be sent to Ray, before anything is written.

    Raises:
        ZsgError: The settings do not go with Ray, or there is no Ray at the address.
    """
    if run.devices not in ("auto", "cpu"):
        raise ZsgError(
            f"devices = {run.devices!r} names GPUs, and on a Ray cluster Ray chooses them ('auto' and 'cpu' work)"
        )
    if run.per_device > 1 and run.processes_per_cell > 1:
        raise ZsgError("per_device and processes_per_cell cannot both be above 1 on Ray: a cell has whole GPUs, or one")
    address = run.ray_address or os.environ.get("RAY_ADDRESS")
    if address not in (None, "", "auto", "local"):
        _check_answers(address)


def run_on_ray(work: Work, store: Store, run: RunTable, asked_to_stop: Callable[[], bool]) -> Generator[Event]:
    """Run cells as Ray tasks wherever there is room, yielding what they report.

    A cell whose node is lost is run elsewhere, from its newest checkpoint. One whose process ends, or that is over the
    time limit, has failed: Ray's own retries cannot tell the two apart, and are not used. When asked to stop, cells
    save their state and end. Closing the iterator ends them at once; what they had not committed is lost.

    Args:
        work: The cells.
        store: Where results go; every node must reach it.
        run: How to run.
        asked_to_stop: Whether to stop.

    Raises:
        ZsgError: There is no Ray at the address, or no node is large enough for a cell.
    """
    with _connected(run.ray_address):
        tasks = _Tasks(store, run)
        try:
            while not work.over:
                if asked_to_stop() and not work.stopping:
                    work.stopping = True
                    tasks.stop()
                for _ in range(tasks.room()):
                    cell = work.next()
                    if cell is None:
                        break
                    tasks.start(cell)
                yield from work.look_elsewhere()
                ended = tasks.wait()
                yield from tasks.heard()
                for outcome in tasks.outcomes(ended):
                    if work.ended(outcome):
                        yield outcome
        finally:
            tasks.end()


@dataclass(slots=True)
class _Task:
    """A cell that was handed to Ray.

    Attributes:
        cell: The cell.
        before: The last attempt that others made at it.
        lost: How many nodes it was on that were lost.
        began: Since when it runs; None while it waits for a node.
        overdue: Whether it was ended because it took too long.
    """

    cell: Cell
    before: str
    lost: int = 0
    began: float | None = None
    overdue: bool = False

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return 0.0 if self.began is None else time.monotonic() - self.began


class _Tasks:
    """The cells that Ray has: running, or waiting for a node."""

    def __init__(self, store: Store, run: RunTable) -> None:
        self._store = store
        self._run = run
        self._stopping = False
        self._tasks: dict[Any, _Task] = {}
        self._share: Share = share_of(_nodes(), run)
        place = store.url if store.files.folder is None else str(store.files.folder.resolve())
        self._settings = WorkerSettings(place, run, Slot(0, "", self._share.cpus))
        self._environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._desk: Any = ray.remote(num_cpus=0)(Desk).options(scheduling_strategy=here).remote()
        self._task = ray.remote(
            num_cpus=self._share.cpus, num_gpus=self._share.gpus, max_retries=0, scheduling_strategy="SPREAD"
        )(run_task)

    def room(self) -> int:
        """How many more cells to hand over: some wait, so that no device does and an autoscaler sees what is wanted."""
        capacity = sum(map(self._share.fits, _nodes()))
        return (self._run.workers or 2 * max(1, capacity)) - len(self._tasks)

    def start(self, cell: Cell, lost: int = 0) -> None:
        """Hand a cell over."""
        text = cell.model_copy(update={"base_dir": str(Path(cell.base_dir).resolve())}).model_dump_json()
        task = self._task.options(name=f"cell {cell.cell_id[:12]}")
        before = self._store.newest_attempt(cell.cell_id)
        self._tasks[task.remote(self._settings, self._environment, text, self._desk)] = _Task(cell, before, lost)

    def wait(self) -> Sequence[Any]:
        """Wait a moment; returns the tasks that ended. Those that take too long are ended."""
        for reference, task in self._tasks.items():
            if not task.overdue and task.seconds > 60 * self._run.cell_timeout_minutes > 0:
                task.overdue = True
                ray.cancel(reference, force=True)
        if not self._tasks:
            time.sleep(_PATIENCE)
            return []
        return ray.wait(list(self._tasks), timeout=_PATIENCE)[0]

    def heard(self) -> Iterator[Progress]:
        """What cells have told since the last time."""
        tasks = {task.cell.cell_id: task for task in self._tasks.values()}
        for progress in ray.get(self._desk.listen.remote()):
            task = tasks.get(progress.cell_id)
            if task is not None:
                task.began = task.began or time.monotonic()
                yield progress

    def outcomes(self, ended: Sequence[Any]) -> Iterator[Outcome]:
        """How cells ended; those whose node was lost are handed over again."""
        for reference in ended:
            task = self._tasks.pop(reference)
            outcome = self._outcome(reference, task)
            if outcome is None:
                self.start(task.cell, task.lost + 1)
            else:
                yield outcome

    def stop(self) -> None:
        """Ask running cells to save their state, and take back those that wait."""
        self._stopping = True
        for reference, task in self._tasks.items():
            if task.began is None:
                ray.cancel(reference)
        ray.get(self._desk.stop.remote())

    def end(self) -> None:
        """End what still runs, at once."""
        with suppress(RayError):
            for reference in self._tasks:
                ray.cancel(reference, force=True)
            ray.kill(self._desk)

    def _outcome(self, reference: Any, task: _Task) -> Outcome | None:
        """How a cell ended, or None if it is to be run elsewhere."""
        cell_id = task.cell.cell_id
        try:
            outcome: Outcome = ray.get(reference)
        except RayError as error:
            if self._stopping and not task.overdue:
                return Outcome(cell_id, "stopped", _reason(error), task.seconds, {})
            if isinstance(error, _NODE_LOST) and not task.overdue and task.lost < _MOVES:
                return None
            reason = _reason(error)
        else:
            if outcome.state != "finished" or self._store.is_done(cell_id):
                return outcome
            reason = f"it finished, but not in {self._store.url}: every node must reach the store by this path"
        if task.overdue:
            reason = f"it took longer than {self._run.cell_timeout_minutes:g} minutes"
        with suppress(OSError):  # a store that cannot be written: the reason is told all the same
            self._store.mark_failed(cell_id, task.cell.description, task.before, reason)
        return Outcome(cell_id, "failed", reason, task.seconds, {})


def _reason(error: RayError) -> str:
    """Why a task ended without an outcome, in one line."""
    if isinstance(error, RayTaskError):
        cause: Any = error.cause
        return " ".join(f"{type(cause).__name__}: {cause}".split())[:500]
    if isinstance(error, TaskCancelledError):
        return "stopped before it began"
    if isinstance(error, OutOfMemoryError):
        return "its node ran out of memory, and Ray ended it"
    if isinstance(error, WorkerCrashedError):
        return "its worker process ended (Ray's log of the worker may say why)"
    if isinstance(error, _NODE_LOST):
        return "its node was lost"
    return " ".join(str(error).split())[:500] or type(error).__name__


def _nodes() -> list[dict[str, float]]:
    """The resources of the nodes that are there."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


@contextmanager
def _connected(address: str | None) -> Iterator[None]:
    """Ray at an address, or the one of this machine, or a new one. Who is connected already stays so."""
    ours = not ray.is_initialized()
    if ours:
        try:
            ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
        except Exception as error:  # it has many, of many kinds
            raise ZsgError(f"Ray at {address or 'this machine'}: {' '.join(str(error).split())}") from None
    try:
        yield
    except RayError as error:
        raise ZsgError(f"Ray is lost ({_reason(error)}); the same command goes on from what is done") from None
    finally:
        if ours:
            ray.shutdown()


def _check_answers(address: str) -> None:
    """See that somebody listens at an address, and that this machine belongs to a cluster: Ray would wait for long."""
    if address.startswith("ray://"):
        raise ZsgError(f"Ray at {address}: a run must be inside the cluster; send it there with `ray job submit`")
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise ZsgError(f"Ray at {address}: not an address (HOST:PORT, or 'auto' for the cluster of this machine)")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT) as connection:
            connection.sendall(_GREETING)
            answer = connection.recv(len(_GREETING))
    except OSError as error:
        raise ZsgError(f"Ray at {address} does not answer ({error})") from None
    if answer[3:4] != _SETTINGS[3:4] and os.environ.get("RAY_USE_TLS", "0") == "0":
        raise ZsgError(f"Ray at {address}: something else answers there")
    if not any(process.info["name"] == "raylet" for process in psutil.process_iter(["name"])):
        raise ZsgError(
            f"Ray at {address}: this machine is no node of it (`ray start --address={address}` makes it one)"
        )
