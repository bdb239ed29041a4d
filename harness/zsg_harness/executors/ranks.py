"""Several processes that train one cell together, by torch's launcher."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any, Final

from zsg_harness.cells.outcome import Outcome
from zsg_harness.executors.process import WorkerSettings, cell_runner, end_with_parent, make_environment
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError, ProcessFailure

_CONSEQUENCE: Final = re.compile("gloo|nccl|connection|peer|timed out", re.IGNORECASE)
"""What a process says when another one has gone: not the reason, which the other one gives."""


def run_ranks(settings: WorkerSettings, connection: Connection, cell: Cell) -> Outcome:
    """Run a cell in `processes_per_cell` new processes, of which the first reports to `connection`."""
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # the processes of a cell are on one machine
    config = LaunchConfig(
        min_nodes=1,
        max_nodes=1,
        nproc_per_node=settings.run.processes_per_cell,
        run_id=cell.cell_id,
        rdzv_backend="c10d",
        rdzv_endpoint="127.0.0.1:0",
        local_addr="127.0.0.1",
        max_restarts=0,
        monitor_interval=0.1,
    )
    store = Store(settings.store)
    before = store.newest_attempt(cell.cell_id)
    try:
        outcomes = elastic_launch(config, rank_main)(settings, cell.model_dump_json(), connection)
    except ChildFailedError as error:
        return _failed(store, cell, before, error)
    outcome: Outcome = outcomes[0]
    return outcome


def rank_main(settings: WorkerSettings, text: str, connection: Connection) -> Outcome | None:
    """Be one of several processes of a cell, which a launcher started. The first of them gives the outcome."""
    end_with_parent()
    rank = int(os.environ["LOCAL_RANK"])
    threads = max(1, settings.slot.threads // settings.run.processes_per_cell)
    environment = make_environment(replace(settings, slot=replace(settings.slot, threads=threads)), rank)
    store, cell = Store(settings.store), Cell.model_validate_json(text)
    if environment.world.is_first:
        return cell_runner(environment, store, connection)(cell)
    from zsg_harness.cells.run import join_cell

    join_cell(cell, store, environment)
    return None


def _failed(store: Store, cell: Cell, before: str, error: ChildFailedError) -> Outcome:
    """Record why a cell failed: one of its processes ended, and the launcher then ended the others."""
    has_begun = store.newest_attempt(cell.cell_id) != before
    told = (store.last_status(cell.cell_id) or {}).get("reason") if has_begun else None
    others = [f"process {rank}: {_last_line(failure)}" for rank, failure in sorted(error.failures.items())]
    said = [reason for reason in [told, *others] if reason]
    reason = next((each for each in said if not _CONSEQUENCE.search(each)), said[0])
    attempt = store.mark_failed(cell.cell_id, cell.description, before, reason)
    return Outcome(cell.cell_id, "failed", reason, 0.0, {}, attempt)


def _last_line(failure: ProcessFailure) -> str:
    """What a process said last: for an exception its type and text."""
    message: Any = failure.message  # text, or what an error file holds
    text = str(message.get("message", "")) if isinstance(message, dict) else message
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else f"exit code {failure.exitcode}"
