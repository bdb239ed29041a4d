"""Whole matrices, in real worker processes, with real third-party plugins."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest

from zsg_harness.cli import main
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


def with_plugins(folders: Sequence[Path]) -> dict[str, str]:
    """The environment of a process that finds the plugins installed in these folders too."""
    here = os.environ.get("PYTHONPATH", "")
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [*map(str, folders), here]))}


@pytest.fixture
def write_matrix(tmp_path: Path, small_model: Path) -> Callable[..., Path]:
    def write(arrangements: Sequence[str], seeds: Sequence[int] = (0,), more: str = "") -> Path:
        matrix = tmp_path / "matrix.toml"
        given = {"model": small_model, "arrangements": json.dumps(arrangements), "seeds": json.dumps(list(seeds))}
        matrix.write_text(MATRIX.format(**given) + more)
        return matrix

    return write


@pytest.fixture
def zsg(tmp_path: Path, write_matrix: Callable[..., Path]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs the command line in a process of its own, on `tmp_path / "store"`."""

    def call(
        *arguments: str, plugins: Sequence[Path] = (), memory: int | None = None, **given: Any
    ) -> subprocess.CompletedProcess[str]:
        matrix = write_matrix(**given)
        return subprocess.run(
            [sys.executable, "-m", "zsg_harness", "run", "--matrix", str(matrix), "--store", "store", *arguments],
            cwd=tmp_path,
            env=with_plugins(plugins),
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


def test_faulty_plugins_of_every_sort_harm_nobody_else(
    zsg: Callable[..., subprocess.CompletedProcess[str]],
    third_party: ThirdParty,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every failure says on the terminal, on the page and in `show` what went wrong, and all others finish."""
    faulty = {
        "out-of-range": "arrangement 'out-of-range' returned index 112 for a pool of 112 examples",
        "repeating": "arrangement 'repeating' returned index 0 more than once",
        "too-few": "arrangement 'too-few' returned 31 examples; 32 were asked for",
        "peeking": "the query was used, but the declared access does not include it",
        "peeking-at-answers": "the field 'completion' is withheld: it needs more access than was declared",
        "wrong-type": "an order's indices must be a one-dimensional int64 array",
        "mutating": "ValueError: sort array is read-only",
        "raising": "KeyError: 'no such thing'",
        "crashing": "its worker process ended (exit code 3)",
        "sequential": "scored examples is not finite after step 1",
        "hanging": "it took longer than 0.2 minutes",
        "hoarding": "Unable to allocate 256. GiB",
    }
    installed = ("contract-breakers", "misbehaving", "broken-import", "easy-first", "rival-easy-first", "event-log")
    healthy = ["random", "zsg-easy-first:easy-first", "zsg-rival-easy-first:easy-first", "round-robin"]
    done = zsg(
        "--workers", "2", "--cell-timeout", "12s", "--retries", "1",
        arrangements=[*healthy, *faulty], plugins=[third_party(name) for name in installed], memory=32 * 2**30,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "hooks 'raising-hooks' raised in zsg_cell_finished: RuntimeError: a hook's own fault" in done.stderr
    assert all(rows(tmp_path).loc[healthy, "loss_final"] > 0)
    page = (tmp_path / "store" / "leaderboards" / "small" / "index.html").read_text()
    store = Store(tmp_path / "store")
    attempts = {}
    for cell_id in set(store.cell_ids()) - store.done_cells():
        name = store.read_cell(cell_id)["labels"]["arrangement"]
        attempts[name] = len(store.attempts(cell_id))
        assert main(["show", cell_id[:12], "--store", str(tmp_path / "store")]) == 0
        shown = " ".join(capsys.readouterr().out.split())
        for told in (done.stderr, page.replace("&#x27;", "'").replace("&#39;", "'"), shown):
            assert faulty[name] in told, (name, told)
    assert attempts == dict.fromkeys(faulty, 2)


def test_a_killed_matrix_goes_on_where_it_was_and_tells_what_it_had_not_told(
    zsg: Callable[..., subprocess.CompletedProcess[str]], third_party: ThirdParty, tmp_path: Path
) -> None:
    plugins = [third_party("event-log")]
    matrix = {"arrangements": ["random"], "seeds": list(range(6)), "more": '[hooks.event-log]\ndelay = "${DELAY:-0}"\n'}
    absent = zsg(**matrix)
    assert absent.returncode == 2
    assert "[hooks.event-log]: no such hook plugin" in absent.stderr

    command = [sys.executable, "-m", "zsg_harness", "run", "--matrix", "matrix.toml", "--store", "store"]
    environment = with_plugins(plugins) | {"DELAY": "1"}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    cells = tmp_path / "store" / "cells"
    deadline = time.monotonic() + 120
    while len(list(cells.glob("*/done.json"))) < 3 and time.monotonic() < deadline:
        time.sleep(0.05)
    forks = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    process.wait()
    _, left = psutil.wait_procs(forks, timeout=10)
    assert not left, "a cell that nobody waits for goes on"
    committed = {path: path.stat().st_mtime_ns for path in cells.glob("*/done.json")}
    assert len(committed) >= 3
    ends = [event_id for kind, event_id in told(tmp_path) if kind == "CellFinished"]
    assert len(ends) < len(committed)

    resumed = zsg(plugins=plugins, **matrix)
    assert resumed.returncode == 0, resumed.stderr
    assert len(list(cells.glob("*/done.json"))) == 6
    assert all(path.stat().st_mtime_ns == when for path, when in committed.items())
    assert rows(tmp_path).loc["random", "replicates"] == 6
    ends = [event_id for kind, event_id in told(tmp_path) if kind == "CellFinished"]
    assert sorted(ends) == sorted(f"finished-{path.parent.name}" for path in cells.glob("*/done.json"))
    assert not list((tmp_path / "store" / "hooks").iterdir())


def told(tmp_path: Path) -> list[list[str]]:
    """The kind and id of each event that was told."""
    return [line.split()[:2] for line in (tmp_path / "events.txt").read_text().splitlines()]


def test_two_runs_on_one_store_share_the_work(write_matrix: Callable[..., Path], tmp_path: Path) -> None:
    write_matrix(["random"], seeds=range(8))
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
    zsg: Callable[..., subprocess.CompletedProcess[str]],
    third_party: ThirdParty,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    plugins = [third_party("event-log"), third_party("extra-columns")]
    settings = "[hooks.price]\nper_token = 0.5\n"
    done = zsg(arrangements=["random", "sequential"], seeds=[0, 1], plugins=plugins, more=settings)
    assert done.returncode == 1  # sequential's learning rate is absurd
    assert done.stderr.count("hooks 'raising-hooks' raised in zsg_cell_finished: RuntimeError: a hook's own fault") == 1
    events = [kind for kind, _ in told(tmp_path)]
    assert events[0] == "PlanCreated"
    assert events[-2:] == ["MatrixFinished", "LeaderboardWritten"]
    # 32 examples make two steps: scored at 0, 1 and 2; the failing cell is scored before its first step only.
    assert [events.count(name) for name in ("CellStarted", "CellFinished", "CellFailed")] == [3, 2, 1]
    assert events.count("StepEvaluated") == 7
    assert len({event_id for _, event_id in told(tmp_path)}) == len(events)

    for column in ("short", "endless", "nested", "aulc"):
        assert f"hooks 'bad-columns': the leaderboard column '{column}' is left out" in done.stderr
    row = rows(tmp_path).loc["random"]
    assert row["price <b>EUR</b>"] == row["tokens_final"] / 2
    assert (row["paid by"], row["aulc"] > 0) == ("<i>us</i>", True)
    page = (tmp_path / "store" / "leaderboards" / "small" / "index.html").read_text()
    assert "price &lt;b&gt;EUR&lt;/b&gt;" in page
    assert "<i>us</i>" not in page

    out = tmp_path / "again"
    for folder in plugins:
        monkeypatch.syspath_prepend(str(folder))
    assert main(["leaderboard", "--store", str(tmp_path / "store"), "--out", str(out), "--quiet"]) == 0
    assert (out / "leaderboard.csv").read_text().splitlines()[0].endswith(",fine,price <b>EUR</b>,paid by")
    assert (
        pd.read_csv(out / "leaderboard.csv")["price <b>EUR</b>"].tolist() == rows(tmp_path)["price <b>EUR</b>"].tolist()
    )
    assert "column 'short' is left out" in capsys.readouterr().err


def test_an_installed_plugin_is_in_the_matrix_of_everything_by_itself(third_party: ThirdParty, tmp_path: Path) -> None:
    folders = [third_party(name) for name in ("easy-first", "broken-import")]
    done = subprocess.run(
        [sys.executable, "-m", "zsg_harness", "plan", "--matrix", "--json"],
        cwd=tmp_path,
        env=with_plugins(folders),
        capture_output=True,
        text=True,
        check=True,
    )
    arrangements = {cell["arrangement"] for cell in json.loads(done.stdout)["cells"]}
    assert {"easy-first", "random", "tma"} <= arrangements
    assert "broken-import" not in arrangements
    assert "arrangement 'broken-import' of zsg-broken-import is broken: " in done.stderr
