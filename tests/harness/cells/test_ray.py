"""Cells as tasks of a real Ray cluster on loopback: a node is lost, a task crashes or hangs, the run is stopped."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
import ray
from ray.cluster_utils import Cluster

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.preflight import preflight
from zsg_harness.cells.progress import Progress
from zsg_harness.executors import slots
from zsg_harness.executors.local import run_in_process
from zsg_harness.executors.ray import check_ray, run_on_ray
from zsg_harness.executors.ray_share import Share, share_of
from zsg_harness.executors.work import Work
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.services.surroundings import DownloadFolder
from zsg_harness.store.cache import Cache
from zsg_harness.store.leases import Leases
from zsg_harness.store.store import Store
from zsg_registry import Registry, ZsgError

# Ray takes 127.0.0.1 for this machine's address on the network, and does not find itself there.
DRIVER, FIRST, SECOND = "127.0.0.2", "127.0.0.3", "127.0.0.4"
SMALL = {"object_store_memory": 100 * 2**20}
ALERT = {
    "health_check_initial_delay_ms": 1000,
    "health_check_period_ms": 500,
    "health_check_timeout_ms": 1000,
    "health_check_failure_threshold": 3,
}
TABLES = ("order", "receipt", "train", "scores", "examples")


@pytest.fixture(scope="module")
def cluster(third_party: Callable[[str], Path]) -> Iterator[Cluster]:
    """A node for the driver alone, and two with a core each; every process of it is ended, whatever happens."""
    plugins = str(third_party("misbehaving"))
    folder = tempfile.mkdtemp(prefix="zsg-ray-", dir="/tmp")  # short: there are sockets in it
    Path(folder, "ray").mkdir()
    before = set(psutil.Process().children(recursive=True))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_TMPDIR", folder)
        patch.setenv("PYTHONPATH", plugins, prepend=os.pathsep)
        patch.syspath_prepend(plugins)
        try:
            head = {"num_cpus": 0, "include_dashboard": False, "_system_config": ALERT, **SMALL}
            cluster = Cluster(initialize_head=True, head_node_args={"node_ip_address": DRIVER, **head})
            for address in (FIRST, SECOND):
                cluster.add_node(num_cpus=1, node_ip_address=address, **SMALL)
            ray.init(address=cluster.address, _node_ip_address=DRIVER, log_to_driver=False)
            yield cluster
            ray.shutdown()
            cluster.shutdown()
        finally:
            children = set(psutil.Process().children(recursive=True)) - before
            ray.shutdown()
            for process in children:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            shutil.rmtree(folder, ignore_errors=True)


class Watched:
    """Runs cells, and keeps what is heard of them."""

    def __init__(self, cells: list[Cell], store: Store, run: RunTable) -> None:
        self.stages: dict[str, list[str]] = {cell.cell_id: [] for cell in cells}
        self.steps: dict[str, int] = {}
        self.running: set[str] = set()
        self.outcomes: dict[str, Outcome] = {}
        self.stop = False
        self._cells, self._store, self._run = cells, store, run

    def __iter__(self) -> Iterator[Progress | Outcome]:
        with Leases(self._store.files) as leases:
            work = Work(self._cells, self._store, leases, self._run.retries)
            for event in run_on_ray(work, self._store, self._run, lambda: self.stop):
                if isinstance(event, Progress):
                    self.running.add(event.cell_id)
                    self.stages[event.cell_id].append(event.stage)
                    self.steps[event.cell_id] = event.step
                else:
                    self.outcomes[event.cell_id] = event
                    self.running.discard(event.cell_id)
                yield event

    def to_the_end(self) -> Watched:
        for _ in self:
            pass
        return self

    @property
    def states(self) -> dict[str, str]:
        return {outcome.cell_id: outcome.state for outcome in self.outcomes.values()}


def tables(store: Store, cell: Cell) -> dict[str, pd.DataFrame]:
    attempt = store.committed(cell.cell_id)
    assert attempt is not None
    return {name: attempt.read_table(name).to_pandas().drop(columns="seconds", errors="ignore") for name in TABLES}


def test_a_lost_node_changes_nothing(
    cluster: Cluster, plan_cells: Callable[..., list[Cell]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = plan_cells(
        matrix={"arrangements": ["random", "nft", "tma"], "budgets": [56]},
        training={"batch_size": 1, "epochs": 4},
        evaluation={"every": 50},
    )
    there, here = Store(tmp_path / "ray"), Store(tmp_path / "local")
    run = RunTable(checkpoint_steps=1)
    watched, lost = Watched(cells, there, run), False
    for _ in watched:
        assert len(watched.running) <= 2, "a core is lent to one cell at a time"
        # Of 224 steps each: what is heard is half a second old, and neither may have ended meanwhile.
        if not lost and len([cell for cell in watched.running if 5 <= watched.steps[cell] <= 120]) == 2:
            lost = True
            cluster.remove_node(
                next(node for node in cluster.list_all_nodes() if node.node_ip_address == SECOND), False
            )
    assert lost
    assert watched.states == {cell.cell_id: "finished" for cell in cells}

    monkeypatch.setattr(slots, "cores", lambda: 1)
    with Leases(here.files) as leases:
        outcomes = list(run_in_process(Work(cells, here, leases), here, RunTable(), lambda: False))
    assert [outcome.state for outcome in outcomes] == ["finished"] * len(cells)
    for cell in cells:
        ours, theirs = tables(there, cell), tables(here, cell)
        for name in TABLES:
            pd.testing.assert_frame_equal(ours[name], theirs[name], check_exact=True)
    twice = [cell for cell in cells if len(there.attempts(cell.cell_id)) == 2]
    assert len(twice) == 1, "the cell of the lost node, and no other, was begun again"
    status = there.last_status(twice[0].cell_id)
    assert status is not None
    assert status["resumed_at"] >= 5


def test_crashes_time_limits_and_the_wish_to_stop(
    cluster: Cluster, plan_cells: Callable[..., list[Cell]], tmp_path: Path
) -> None:
    store = Store(tmp_path / "store")
    arrangements = ["crashing", "random", "hanging", "sequential"]
    crashing, good, hanging, together = plan_cells(matrix={"arrangements": arrangements})
    watched = Watched([good], store, RunTable()).to_the_end()
    assert watched.states == {good.cell_id: "finished"}
    assert {"starting", "loading", "training", "evaluating"} <= set(watched.stages[good.cell_id])

    long = plan_cells(matrix={"seeds": [1, 2, 3, 4]}, training={"epochs": 100, "batch_size": 1})
    watched = Watched(long, store, RunTable())
    for _ in watched:
        watched.stop |= max(watched.steps.values(), default=0) >= 3
    assert set(watched.states.values()) == {"stopped"}
    saved = [cell_id for cell_id, outcome in watched.outcomes.items() if "with its state saved" in str(outcome.reason)]
    assert saved
    for cell_id in saved:
        (checkpoint,) = [key for key in store.files.find(f"cells/{cell_id}") if key.endswith("/state.json")]
        assert f"cells/{cell_id}/checkpoint-" in checkpoint

    Watched([hanging], store, RunTable(cell_timeout_minutes=0.05)).to_the_end()
    Watched([crashing], store, RunTable()).to_the_end()
    for cell, reason in ((crashing, "its worker process ended (Ray"), (hanging, "it took longer than 0.05 minutes")):
        status = store.last_status(cell.cell_id)
        assert status is not None
        assert status["state"] == "failed"
        assert status["reason"].startswith(reason)

    watched = Watched([together], store, RunTable(processes_per_cell=2)).to_the_end()
    assert watched.states == {together.cell_id: "finished"}
    assert {"starting", "loading", "training", "evaluating"} <= set(watched.stages[together.cell_id])
    status = store.last_status(together.cell_id)
    assert status is not None
    assert status["processes"] == 2
    assert store.files.find("leases") == []


@pytest.mark.parametrize(
    ("nodes", "run", "share", "cells"),
    [
        ([{"CPU": 8.0}], {}, Share(8), [1]),
        ([{"CPU": 8.0}], {"per_device": 3}, Share(2), [4]),
        ([{"CPU": 8.0}], {"workers": 2}, Share(4), [2]),
        ([{"CPU": 0.0}, {"CPU": 4.0}, {"CPU": 16.0}], {}, Share(4), [0, 1, 4]),
        ([{"CPU": 16.0, "GPU": 4.0}, {"CPU": 64.0}], {}, Share(4, 1.0), [4, 0]),
        ([{"CPU": 16.0, "GPU": 4.0}], {"per_device": 2}, Share(2, 0.5), [8]),
        ([{"CPU": 16.0, "GPU": 4.0}], {"processes_per_cell": 2}, Share(8, 2.0), [2]),
        ([{"CPU": 16.0, "GPU": 4.0}, {"CPU": 8.0}], {"devices": "cpu"}, Share(8), [2, 1]),
        ([], {}, Share(1), []),
    ],
)
def test_a_cell_gets_its_share_of_a_node(
    nodes: list[dict[str, float]], run: dict[str, Any], share: Share, cells: list[int]
) -> None:
    assert share_of(nodes, RunTable(**run)) == share
    assert [share.fits(node) for node in nodes] == cells


def test_what_cannot_be_is_one_line(s3_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zsg_harness.executors.ray._CONNECT", 0.5)
    mute = socket.create_server((DRIVER, 0))
    with pytest.raises(ZsgError, match="needs as many GPUs in one node, and no node has more than 2"):
        share_of([{"CPU": 8.0, "GPU": 2.0}], RunTable(processes_per_cell=4))
    for run, message in (
        (RunTable(devices="0,2"), "on a Ray cluster Ray chooses them"),
        (RunTable(per_device=2, processes_per_cell=2), "cannot both be above 1 on Ray"),
        (RunTable(ray_address="ray://127.0.0.2:10001"), "ray job submit"),
        (RunTable(ray_address="somewhere"), "not an address"),
        (RunTable(ray_address=f"{DRIVER}:9"), f"Ray at {DRIVER}:9 does not answer"),
        (RunTable(ray_address=f"{DRIVER}:{mute.getsockname()[1]}"), "does not answer .timed out"),
        (RunTable(ray_address=s3_server.url.removeprefix("http://")), "something else answers there"),
    ):
        with pytest.raises(ZsgError, match=message):
            check_ray(run)
    mute.close()
    for module in ("zsg_harness.executors.ray", "ray"):
        monkeypatch.setitem(sys.modules, module, None)  # as if it were not installed
    for run, message in (
        (RunTable(executor="ray"), r"pip install 'zsg-harness\[ray\]'"),
        (RunTable(ray_address="head:6379"), "goes with executor = 'ray'"),
    ):
        with pytest.raises(ZsgError, match=message):
            preflight([], Registry(), DownloadFolder(Path(), True), Cache(Path()), run)
