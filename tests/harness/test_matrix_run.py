"""Whole matrices, in real worker processes, with real third-party plugins."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from zsg_harness.store.store import Store

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
        *arguments: str,
        arrangements: list[str],
        plugins: list[Path] | None = None,
        seeds: list[int] | None = None,
        memory: int | None = None,
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
            preexec_fn=None if memory is None else partial(resource.setrlimit, resource.RLIMIT_AS, (memory, memory)),
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


def test_four_ways_to_fail_and_all_others_finish(
    zsg: Callable[..., subprocess.CompletedProcess[str]], third_party: ThirdParty, tmp_path: Path
) -> None:
    plugins = [third_party("misbehaving")]
    faulty = {
        "raising": "KeyError: 'no such thing'",
        "sequential": "scored examples is not finite after step 1",
        "hanging": "it took longer than 0.2 minutes",
        "hoarding": "Unable to allocate 256. GiB",
    }
    done = zsg(
        "--workers", "2", "--cell-timeout", "12s", "--retries", "1",
        arrangements=["random", "round-robin", *faulty], plugins=plugins, memory=32 * 2**30,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert done.stdout.splitlines()
    assert {"random", "round-robin"} <= set(rows(tmp_path).index)
    page = (tmp_path / "store" / "leaderboards" / "small" / "index.html").read_text()
    store = Store(tmp_path / "store")
    attempts = {}
    for cell_id in set(store.cell_ids()) - store.done_cells():
        cell = store.read_cell(cell_id)
        name = cell["labels"]["arrangement"]
        attempts[name] = len(store.attempts(cell_id))
        shown = subprocess.run(
            [sys.executable, "-m", "zsg_harness", "show", cell_id[:12], "--store", "store"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for told in (done.stderr, page.replace("&#x27;", "'").replace("&#39;", "'"), " ".join(shown.split())):
            assert faulty[name] in told, (name, told)
    assert attempts == dict.fromkeys(faulty, 2)


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


def test_two_runs_on_one_store_share_the_work(
    zsg: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    zsg("--limit", "1", arrangements=["random"], seeds=list(range(8)))
    command = [sys.executable, "-m", "zsg_harness", "run", "--matrix", "matrix.toml", "--store", "store"]
    both = [subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=200)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], told
    store = Store(tmp_path / "store")
    assert [len(store.attempts(cell_id)) for cell_id in store.cell_ids()] == [1] * 8
    assert store.files.find("leases") == []
    assert rows(tmp_path).loc["random", "replicates"] == 8


def test_the_first_ctrl_c_saves_what_runs(zsg: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    arrangements = ["random"]
    undisturbed = zsg("--store", "undisturbed", arrangements=arrangements)
    assert undisturbed.returncode == 0
    matrix = tmp_path / "matrix.toml"
    command = [sys.executable, "-m", "zsg_harness", "run", "--matrix", str(matrix), "--store", "store"]
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        command, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed
    )
    store, deadline = Store(tmp_path / "store"), time.monotonic() + 120
    while not any(store.attempts(cell_id) for cell_id in store.cell_ids()) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it as well
    _, told = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopping: running cells save their state" in told
    (cell_id,) = store.cell_ids()
    status = store.last_status(cell_id)
    assert status is not None
    assert status["state"] == "stopped", status
    assert store.files.find("leases") == []
    assert zsg(arrangements=arrangements).returncode == 0
    for name in ("scores", "train", "receipt"):
        ours, theirs = (
            attempt.read_table(name).to_pandas().drop(columns="seconds", errors="ignore")
            for attempt in (store.committed(cell_id), Store(tmp_path / "undisturbed").committed(cell_id))
            if attempt is not None
        )
        pd.testing.assert_frame_equal(ours, theirs, check_exact=True)


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
