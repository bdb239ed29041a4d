"""One real run, and the commands that look at what it left."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.executors.slots import may_have_gpus


def done_cells(store: Path) -> list[str]:
    return sorted(path.parent.name for path in (store / "cells").glob("*/done.json"))


def test_a_run_with_failures(finished: Any) -> None:
    result = finished.result
    assert result.code == 1
    lines = result.err.splitlines()
    assert lines[0] == "mini: 4 to run"
    assert sum("  loss " in line for line in lines) == 2
    assert sum("failed random" in line and "the pool has 12" in line for line in lines) == 2
    assert "2 finished, 2 failed" in lines[-2]
    page = Path(lines[-1].removeprefix("leaderboard: "))
    assert page.is_file()
    assert "random" in result.out
    assert "\x1b" not in result.out + result.err
    assert len(done_cells(finished.store)) == 2


@pytest.mark.skipif(sys.platform != "linux" or may_have_gpus(), reason="processes are not forked on this machine")
def test_torch_is_imported_where_cells_run_and_not_by_the_run(finished: Any) -> None:
    assert not finished.imported & {"torch", "transformers", "datasets", "sklearn"}


def test_done_cells_are_not_run_again(finished: Any, zsg: Callable[..., Any]) -> None:
    result = zsg("run", "--matrix", finished.matrix, "--store", finished.store, "--filter", "budget=4", "--json")
    assert result.code == 0
    document = result.json
    assert document["totals"] == {"done": 2}
    assert [row["arrangement"] for row in document["leaderboard"]["rows"]] == ["random"]


def test_quiet_leaves_only_the_result(finished: Any, zsg: Callable[..., Any]) -> None:
    result = zsg("run", "--matrix", finished.matrix, "--store", finished.store, "--filter", "budget=4", "-q")
    assert (result.code, result.err) == (0, "")
    assert "random" in result.out


def test_the_plan_knows_what_is_done_and_what_failed(finished: Any, zsg: Callable[..., Any]) -> None:
    cells = zsg("plan", "--matrix", finished.matrix, "--store", finished.store, "--json").json["cells"]
    states = {(cell["budget"], cell["state"]) for cell in cells}
    assert states == {("4", "done"), ("500", "run")}
    assert all("failed before: the budget is 500" in cell["reason"] for cell in cells if cell["budget"] == "500")


def test_finished_cells_tell_what_others_take(finished: Any, mini: Path, zsg: Callable[..., Any]) -> None:
    """The data is the same, in another place; the cells of seed 2 are new, those of budget 8 twice as large."""
    mini.write_text(mini.read_text().replace("[4, 500]", "[4, 8]").replace("[0, 1]", "[0, 1, 2]"))
    options = ["--matrix", mini, "--store", finished.store, "--workers", 2]
    document = zsg("plan", *options, "--budget", "1h", "--json").json
    cells = {(cell["budget"], *cell["seeds"]): cell for cell in document["cells"]}
    assert cells["4", "0"]["state"] == "done"
    assert cells["4", "0"]["estimate"] is None
    small, large = cells["4", "2"]["estimate"], cells["8", "0"]["estimate"]
    done = [
        path for path in (finished.store / "cells").rglob("status.json") if (path.parents[1] / "done.json").exists()
    ]
    taken = [json.loads(path.read_text()) for path in done]
    assert small["tokens"] == round(sum(status["tokens"] for status in taken) / 2)
    assert min(status["seconds"] for status in taken) * 0.9 < small["seconds"] < max(s["seconds"] for s in taken) * 1.1
    sizes = [sum(file.stat().st_size for file in path.parent.iterdir()) for path in done]
    assert small["bytes"] == pytest.approx(sum(sizes) / 2, rel=0.01)
    assert large["tokens"] == 2 * small["tokens"]
    assert small["bytes"] < large["bytes"] < 2 * small["bytes"]
    assert document["estimate"]["cells"] == 4
    assert [basis.partition(" on ")[0] for basis in document["estimate"]["basis"]] == ["finished cells"]
    assert small["cells"] == 2
    assert document["estimate"]["seconds"] == pytest.approx(max(cell["ends_at"] or 0 for cell in document["cells"]))
    assert document["budget"] == {"seconds": 3600, "fit": 4, "left": 0}
    work = {work["what"]: work for work in document["shared"]}
    assert work["step-0 evaluation"] == {
        "what": "step-0 evaluation", "of": "mini by zsg-tiny", "cells": 4, "parts": 1, "cached": 1,
    }  # fmt: skip
    too_little = min(small["seconds"], large["seconds"]) / 2
    text = zsg("plan", *options, "--budget", f"{too_little:.4f}s").out
    assert " with 2 workers: 0 of 4 cells fit, 4 are left" in text
    assert all(len(line) <= 100 for line in text.splitlines())


def test_failed_cells_alone_are_run_again_on_request(finished: Any, zsg: Callable[..., Any], tmp_path: Path) -> None:
    store = tmp_path / "copy"
    shutil.copytree(finished.store, store)
    matrix = finished.matrix.with_name("more.toml")
    matrix.write_text(finished.matrix.read_text().replace("seeds = [0, 1]", "seeds = [0, 1, 2]"))
    options = ["--matrix", matrix, "--store", store, "--retry-failed"]
    planned = zsg("plan", *options, "--json").json["cells"]
    assert [(cell["budget"], cell["state"], cell["cause"]) for cell in planned] == [
        ("4", "done", None), ("4", "done", None), ("500", "run", "failed"), ("500", "run", "failed"),
    ]  # fmt: skip
    result = zsg("run", *options, "--in-process", "--json")
    assert result.code == 1
    assert result.json["totals"] == {"done": 2, "failed": 2}
    assert [cell["cell_id"] for cell in result.json["cells"]] == [cell["cell_id"] for cell in planned]
    assert result.err.splitlines()[:2] == ["mini: 2 done, 2 to run", f"to run (2): {planned[2]['reason']}"]


def test_the_order_of_the_plan_is_the_order_of_the_run(finished: Any, zsg: Callable[..., Any], tmp_path: Path) -> None:
    matrix = finished.matrix.with_name("order.toml")
    matrix.write_text(finished.matrix.read_text().replace("budgets = [4, 500]", "budgets = [500, 400]"))
    options = ["--matrix", matrix, "--store", tmp_path / "store", "--order", "cheap-first"]
    planned = [cell["cell_id"] for cell in zsg("plan", *options, "--json").json["cells"]]
    zsg("run", *options, "--in-process", "--limit", 3, "-q")
    tried = sorted(tmp_path.glob("store/cells/*/2*"), key=lambda attempt: attempt.name)
    assert [attempt.parent.name for attempt in tried] == planned[:3]


def test_show(finished: Any, zsg: Callable[..., Any]) -> None:
    cell_id = done_cells(finished.store)[0]
    document = zsg("show", cell_id[:12], "--store", finished.store, "--json").json
    assert document["cell_id"] == cell_id
    assert document["state"] == "finished"
    assert document["arrangement"] == "random"
    assert document["seeds"] in (["0"], ["1"])
    assert document["scores"]["loss"] > 0
    assert {"order.parquet", "receipt.parquet", "scores.parquet"} <= set(document["files"])
    text = zsg("show", cell_id, "--store", finished.store).out
    assert document["set_hash"] in text
    assert f"{document['scores']['loss']:.4f}" in text


def test_show_a_failed_cell(finished: Any, zsg: Callable[..., Any]) -> None:
    failed = {path.name for path in (finished.store / "cells").iterdir()} - set(done_cells(finished.store))
    document = zsg("show", failed.pop(), "--store", finished.store, "--json").json
    assert document["state"] == "failed"
    assert "the budget is 500" in document["reason"]
    assert document["scores"] == {}
    assert "log.txt" in document["files"]


@pytest.mark.parametrize(("prefix", "complaint"), [("", "begins the ids of 4 cells"), ("zz", "no cell 'zz'")])
def test_show_wants_one_cell(prefix: str, complaint: str, finished: Any, zsg: Callable[..., Any]) -> None:
    result = zsg("show", prefix, "--store", finished.store)
    assert result.code == 2
    assert complaint in result.err


def test_show_offers_the_nearest_id(finished: Any, zsg: Callable[..., Any]) -> None:
    cell_id = done_cells(finished.store)[0]
    mistyped = cell_id[:-2] + ("0" if cell_id[-1] != "0" else "1")
    assert f"did you mean '{cell_id}'" in zsg("show", mistyped, "--store", finished.store).err


def test_a_damaged_cell_is_named(finished: Any, zsg: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "cells" / "abc"
    folder.mkdir(parents=True)
    (folder / "cell.json").write_text("{}")
    result = zsg("show", "abc")
    assert result.code == 2
    assert result.err.count("\n") == 1
    assert "cell.json is damaged" in result.err


def test_score_adds_a_metric_once(finished: Any, zsg: Callable[..., Any]) -> None:
    arguments = ["score", "--store", finished.store, "--metric", "exact-match", "--json"]
    first = zsg(*arguments).json
    second = zsg(*arguments).json
    assert first["scored"] == done_cells(finished.store)
    assert first["had_it"] == []
    assert second["scored"] == []
    assert second["had_it"] == first["scored"]
    assert first["failed"] == second["failed"] == {}
    rows = zsg("leaderboard", "--store", finished.store, "--json").json["rows"]
    assert "exact_match" in rows[0]


def test_score_by_filter_says_what_to_do_next(finished: Any, zsg: Callable[..., Any]) -> None:
    result = zsg("score", "--store", finished.store, "--metric", "rouge", "--filter", "seed=0")
    assert len(result.out.split()) == 1
    assert "zsg-harness leaderboard --store" in result.err


def test_leaderboard(finished: Any, zsg: Callable[..., Any]) -> None:
    result = zsg("leaderboard", "--store", finished.store, "--out", "reports", "--matrix", "mini")
    assert result.code == 0
    assert "random" in result.out
    assert result.err == "leaderboard: reports/index.html\n"
    assert json.loads(Path("reports/leaderboard.json").read_text())["rows"]
    assert {"index.html", "leaderboard.csv", "leaderboard.md", "scores.csv"} <= {
        path.name for path in Path("reports").iterdir()
    }


def test_ctrl_c_keeps_what_is_done(mini: Path, zsg_command: Callable[[Sequence[object]], list[str]]) -> None:
    # As many cells as take seconds: they must not all be done when the signal comes.
    mini.write_text(mini.read_text().replace("seeds = [0, 1]", f"seeds = {list(range(60))}"))
    # A shell's background jobs ignore the signal, and so does what they start, unless it is told otherwise.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    command = zsg_command(["run", "--matrix", mini, "--store", "store", "--filter", "budget=4"])
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=heed
    ) as process:
        assert process.stderr is not None
        for line in process.stderr:
            if line.startswith("[ 1/60]"):
                break
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it as well
        rest = process.stderr.read()
    assert process.returncode == 130
    assert rest.splitlines()[-1].startswith("zsg-harness: interrupted: ")
    assert "Traceback" not in rest
    assert len(done_cells(Path("store"))) >= 1
