"""Whole cells on a store in a bucket: as on a disk."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from zsg_harness.cells.progress import Progress
from zsg_harness.cells.run import run_cell
from zsg_harness.cli import main
from zsg_harness.executors import slots
from zsg_harness.executors.process import WorkerSettings, make_environment
from zsg_harness.executors.slots import Slot
from zsg_harness.listener import Listener
from zsg_harness.matrix.load import check_matrix
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.runner import RunOptions, run_matrix
from zsg_harness.store.store import Store

TABLES = ("order", "receipt", "train", "scores", "examples")


def tables(store: Store, cell_id: str) -> dict[str, pd.DataFrame]:
    """All that a cell has recorded, but for what tells the time."""
    attempt = store.committed(cell_id)
    assert attempt is not None
    return {name: attempt.read_table(name).to_pandas().drop(columns="seconds", errors="ignore") for name in TABLES}


class Killer(Listener):
    """Kills a worker process once two of them are in the middle of a cell."""

    def __init__(self) -> None:
        self.killed = False
        self._steps: dict[str, int] = {}

    def progressed(self, progress: Progress) -> None:
        self._steps[progress.cell_id] = progress.step
        if not self.killed and sum(step >= 3 for step in self._steps.values()) == 2:
            self.killed = True
            multiprocessing.active_children()[0].kill()


def test_a_matrix_in_a_bucket(
    small_matrix: Callable[..., dict[str, Any]],
    bucket: str,
    s3_server: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    document = small_matrix(matrix={"arrangements": ["random", "nft"]}, training={"batch_size": 2})
    loaded = check_matrix(document, "the test", Path())
    monkeypatch.setattr(slots, "cores", lambda: 2)
    here, there, killer = Store(tmp_path / "store"), Store(f"{bucket}/run"), Killer()
    how = {"workers": 2, "checkpoint_steps": 2, "retries": 1}
    summary = run_matrix(loaded, there, RunOptions(how), killer)
    requests = len(s3_server.requests)
    assert [outcome.state for outcome in summary.outcomes] == ["finished"] * len(summary.cells)
    assert summary.folder == f"{bucket}/run/leaderboards/small"

    monkeypatch.setattr(slots, "cores", lambda: 1)
    run_matrix(loaded, here, RunOptions(in_process=True))
    for cell in summary.cells:
        ours, theirs = tables(there, cell.cell_id), tables(here, cell.cell_id)
        for name in TABLES:
            pd.testing.assert_frame_equal(ours[name], theirs[name], check_exact=True)
    for name in ("leaderboard.csv", "scores.csv"):
        key = f"leaderboards/small/{name}"
        assert there.files.read(key) == here.files.read(key)
    assert killer.killed
    statuses = [there.last_status(cell.cell_id) or {} for cell in summary.cells]
    assert sorted(status["resumed_at"] is not None for status in statuses) == [False, True]
    assert [key for key in there.files.find("") if "checkpoint-" in key or key.startswith("leases/")] == []

    assert run_matrix(loaded, there, RunOptions(how)).outcomes == []
    assert main(["leaderboard", "--store", there.url, "--out", str(tmp_path / "report")]) == 0
    assert "nft" in capsys.readouterr().out
    assert (tmp_path / "report" / "scores.csv").read_bytes() == there.files.read("leaderboards/small/scores.csv")
    assert requests < 500, "each is a round trip"
    for key in there.files.find(""):
        assert b"a-secret" not in there.files.read(key), "what opens the bucket must not be in it"


def test_vectors_are_computed_by_one_machine_for_all(
    plan_cells: Callable[..., list[Cell]], bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stages = []
    for machine, cell in zip(("one", "two"), plan_cells(matrix={"arrangements": ["nft", "fft"]}), strict=True):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / machine))
        store = Store(f"{bucket}/run")
        told: list[Progress] = []
        environment = make_environment(WorkerSettings(store.url, RunTable(), Slot(0, "", 1)))
        outcome = run_cell(cell, store, environment, told.append)
        assert outcome.state == "finished", outcome.reason
        stages.append({progress.stage.split()[0] for progress in told})
    assert "embedding" in stages[0]
    assert "embedding" not in stages[1]
