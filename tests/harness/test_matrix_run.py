"""Whole matrices, in real worker processes, with real third-party plugins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

ThirdParty = Callable[[str], Path]
MATRIX = """
[matrix]
name = "small"
models = ["{model}"]
datasets = ["procedural[examples_per_seen_task=2,examples_per_unseen_task=4]"]
embedders = ["tfidf"]
arrangements = {arrangements}
metrics = ["loss"]
budgets = [32]
seeds = {seeds}

[data]
per_unseen_task = 2
query_per_task = 2

[evaluation]
max_new_tokens = 4

[[override]]
when = {{ arrangement = "sequential" }}
training = {{ learning_rate = 1e38 }}
"""


@pytest.fixture
def zsg(tmp_path: Path, small_model: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in a process of its own, on `tmp_path / "store"`."""

    def call(
        *arguments: str, arrangements: list[str], plugins: list[Path] | None = None, seeds: list[int] | None = None
    ) -> subprocess.CompletedProcess[str]:
        matrix = tmp_path / "matrix.toml"
        matrix.write_text(
            MATRIX.format(model=small_model, arrangements=json.dumps(arrangements), seeds=json.dumps(seeds or [0]))
        )
        return subprocess.run(
            [sys.executable, "-m", "zsg_harness", "run", "--matrix", str(matrix), "--store", "store", *arguments],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(map(str, plugins or []))},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return call


def rows(tmp_path: Path) -> pd.DataFrame:
    return pd.read_csv(tmp_path / "store" / "leaderboards" / "small" / "leaderboard.csv").set_index("arrangement")


def test_a_third_party_plugin_is_on_the_leaderboard_and_a_broken_one_harms_nothing(
    zsg: Callable[..., subprocess.CompletedProcess[str]], third_party: ThirdParty, tmp_path: Path
) -> None:
    plugins = [third_party("easy-first"), third_party("broken-import")]
    done = zsg("--workers", "2", arrangements=["random", "easy-first"], plugins=plugins)
    assert done.returncode == 0, done.stderr
    assert set(rows(tmp_path).index) == {"random", "easy-first"}
    assert "easy-first" in done.stdout

    cells = tmp_path / "store" / "cells"
    before = {path: path.stat().st_mtime_ns for path in cells.rglob("*") if path.is_file()}
    again = zsg(arrangements=["random", "easy-first"], plugins=plugins)
    assert again.returncode == 0
    assert {path: path.stat().st_mtime_ns for path in cells.rglob("*") if path.is_file()} == before

    asked = zsg(arrangements=["random", "broken-import"], plugins=plugins)
    assert asked.returncode == 2
    assert "is broken: " in asked.stderr
    assert len(asked.stderr.strip().splitlines()) == 1


def test_a_cell_that_fails_fails_alone(
    zsg: Callable[..., subprocess.CompletedProcess[str]], third_party: ThirdParty, tmp_path: Path
) -> None:
    faulty = {
        "out-of-range": "arrangement 'out-of-range' returned index 112 for a pool of 112 examples",
        "repeating": "arrangement 'repeating' returned index 0 more than once",
        "too-few": "arrangement 'too-few' returned 31 examples; 32 were asked for",
        "peeking": "the query was used, but the declared access does not include it",
        "raising": "KeyError: 'no such thing'",
        "crashing": "its worker process ended (exit code 3)",
        "sequential": "scored examples is not finite after step 1",
    }
    done = zsg("--workers", "2", arrangements=["random", *faulty], plugins=[third_party("misbehaving")])
    assert done.returncode == 1, done.stderr
    for reason in faulty.values():
        assert reason in done.stderr
    table = rows(tmp_path)
    assert table.loc["random", "loss_final"] > 0
    page = (tmp_path / "store" / "leaderboards" / "small" / "index.html").read_text()
    assert all(name in page for name in faulty)


def test_a_killed_matrix_goes_on_where_it_was(
    zsg: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, small_model: Path
) -> None:
    seeds = list(range(6))
    zsg("--limit", "1", arrangements=["random"], seeds=seeds)
    command = [sys.executable, "-m", "zsg_harness", "run", "--matrix", "matrix.toml", "--store", "store"]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    cells = tmp_path / "store" / "cells"
    deadline = time.monotonic() + 120
    while len(list(cells.glob("*/done.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.kill()
    process.wait()
    committed = {path: path.stat().st_mtime_ns for path in cells.glob("*/done.json")}
    assert len(committed) >= 3
    resumed = zsg(arrangements=["random"], seeds=seeds)
    assert resumed.returncode == 0, resumed.stderr
    assert len(list(cells.glob("*/done.json"))) == 6
    assert all(path.stat().st_mtime_ns == when for path, when in committed.items())
    assert rows(tmp_path).loc["random", "replicates"] == 6


def test_hooks_are_told_and_cannot_fail_a_run(
    zsg: Callable[..., subprocess.CompletedProcess[str]], third_party: ThirdParty, tmp_path: Path
) -> None:
    done = zsg(arrangements=["random", "sequential"], plugins=[third_party("event-log")])
    assert done.returncode == 1  # sequential's learning rate is absurd
    assert "hooks 'raising-hooks' raised in zsg_cell_finished: RuntimeError: a hook's own fault" in done.stderr
    events = [line.split()[0] for line in (tmp_path / "events.txt").read_text().splitlines()]
    assert events[0] == "PlanCreated"
    assert events[-2:] == ["MatrixFinished", "LeaderboardWritten"]
    # 32 examples make two steps: scored at 0, 1 and 2; the failing cell is scored before its first step only.
    assert [events.count(name) for name in ("CellStarted", "CellFinished", "CellFailed")] == [2, 1, 1]
    assert events.count("StepEvaluated") == 4


def test_an_installed_plugin_is_in_the_matrix_of_everything_by_itself(third_party: ThirdParty, tmp_path: Path) -> None:
    folders = [str(third_party(name)) for name in ("easy-first", "broken-import")]
    done = subprocess.run(
        [sys.executable, "-m", "zsg_harness", "plan", "--matrix", "--json"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(folders)},
        capture_output=True,
        text=True,
        check=True,
    )
    arrangements = {cell["arrangement"] for cell in json.loads(done.stdout)["cells"]}
    assert {"easy-first", "random", "tma"} <= arrangements
    assert "broken-import" not in arrangements
    assert "arrangement 'broken-import' of zsg-broken-import is broken: " in done.stderr
