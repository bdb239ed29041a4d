"""What a cell's status says of where, with what and how it was run."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.cells import usage
from zsg_harness.cells.origin import checkout, find_origin
from zsg_harness.cells.provenance import provenance
from zsg_harness.cells.run import run_cell
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store


def test_a_cell_tells_where_it_comes_from_whether_it_finishes_or_fails(
    plan_cells: Callable[..., list[Cell]], environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    store = Store(tmp_path)
    origin = {"project": {"commit": "c0ffee", "dirty": True}}
    environment = replace(environment_of(tmp_path), run=RunTable(eval_batch_tokens=4096), origin=origin)
    for rate, state in ((1e-2, "finished"), (1e38, "failed")):
        (cell,) = plan_cells(matrix={"arrangements": ["random | reverse"]}, training={"learning_rate": rate})
        # As it reaches a worker.
        assert run_cell(Cell.model_validate_json(cell.model_dump_json()), store, environment, print).state == state
        (attempt,) = store.attempts(cell.cell_id)
        status = attempt.read_json("status")
        told = status["provenance"]
        assert told["project"] == origin["project"]
        assert told["plugins"] == {"zsg-harness": told["packages"]["zsg-harness"]}
        assert {"torch", "transformers", "numpy"} <= set(told["packages"])
        assert (told["device"], told["dtype"], told["precision"]) == ("cpu", "float32", "float32")
        assert (told["devices"], told["threads"]) == (1, 1)
        assert told["hardware"]["cores"] >= 1
        run, training = told["arguments"]["run"], told["arguments"]["training"]
        assert run["given"] == {"eval_batch_tokens": 4096}
        assert run["defaulted"]["micro_batch_tokens"] == RunTable().micro_batch_tokens
        assert training["given"] == {"learning_rate": rate}
        assert training["defaulted"]["batch_size"] == 16
        assert datetime.fromisoformat(status["started"]) <= datetime.fromisoformat(status["ended"])
        assert 2**26 < status["usage"]["peak_memory_bytes"] < 2**36
        if state == "finished":
            assert status["tokens_per_second"] == pytest.approx(status["tokens"] / status["timings"]["train"])


def test_it_costs_small_cells_next_to_nothing(
    plan_cells: Callable[..., list[Cell]], environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    (cell,) = plan_cells()
    environment = environment_of(tmp_path)
    took = []
    for _ in range(10):
        started = time.perf_counter()
        measure = usage.Usage(environment.device)
        provenance(cell, environment)
        measure.measured()
        took.append(time.perf_counter() - started)
    assert min(took[1:]) < 0.005


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(folder), *who, *arguments], check=True, capture_output=True)


@pytest.mark.skipif(shutil.which("git") is None, reason="no git")
def test_the_commit_of_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert checkout(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert checkout(tmp_path) is None  # nothing is committed
    (tmp_path / "matrix.toml").write_text("a")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    commit = subprocess.run(
        ["git", "-C", str(tmp_path), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    ).stdout.strip()
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "results").write_text("not tracked")
    assert checkout(tmp_path / "runs") == {"commit": commit, "dirty": False}
    (tmp_path / "matrix.toml").write_text("b")
    assert checkout(tmp_path) == {"commit": commit, "dirty": True}
    monkeypatch.chdir(tmp_path)
    assert find_origin()["project"] == {"commit": commit, "dirty": True}
    monkeypatch.setenv("PATH", "")
    assert checkout(tmp_path) is None  # no git


class Meter:
    """A counter of joules that is full at 100."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, watts: float = 10.0) -> None:
        self.now = 0.0
        self.watts = watts
        monkeypatch.setattr(usage.time, "monotonic", lambda: self.now)

    def __call__(self) -> float:
        return self.now * self.watts % 100


def test_energy_is_counted_over_the_end_of_a_counter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_GREATEST_WATTS", 20.0)
    meter = Meter(monkeypatch)
    counter = usage._Counter("cpu_joules", meter, full=100)
    meter.now = 3
    counter.start()
    for seconds in (7, 11, 15):
        meter.now = seconds
        counter.look()
    assert counter.joules == pytest.approx(120)


def test_energy_that_is_not_known_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usage, "_GREATEST_WATTS", 20.0)
    meter = Meter(monkeypatch)
    counter = usage._Counter("cpu_joules", meter, full=100)
    counter.start()
    meter.now = 6  # it may have been full in between, at 20 watts
    counter.look()
    assert counter.joules is None
    meter.now = 7
    counter.look()
    assert counter.joules is None


def test_the_packages_of_a_machine_are_added_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for zone, value in (("intel-rapl:0", 5e6), ("intel-rapl:1", 7e6), ("intel-rapl:0:0", 1e6)):
        (tmp_path / zone).mkdir()
        (tmp_path / zone / "energy_uj").write_text(f"{value:.0f}\n")
        (tmp_path / zone / "max_energy_range_uj").write_text("262143328850\n")
    (tmp_path / "intel-rapl:2").mkdir()  # may not be read
    monkeypatch.setattr(usage, "_RAPL", tmp_path)
    usage._rapl_zones.cache_clear()
    try:
        measure = usage.Usage(usage.torch.device("cpu"))
        (tmp_path / "intel-rapl:0" / "energy_uj").write_text("6500000\n")
        (tmp_path / "intel-rapl:1" / "energy_uj").write_text("8000000\n")
        assert measure.measured()["cpu_joules"] == pytest.approx(2.5)
        (tmp_path / "intel-rapl:1" / "energy_uj").unlink()
        assert "cpu_joules" not in measure.measured()
    finally:
        usage._rapl_zones.cache_clear()
