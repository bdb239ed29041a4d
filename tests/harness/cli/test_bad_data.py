"""Data that cannot be trained on: exit code 2, one line on stderr that says what to mend, and nothing written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TASK = {
    "Definition": ["Count."],
    "Source": ["numbers"],
    "Positive Examples": [],
    "Negative Examples": [],
    "Instances": [{"input": str(n), "output": ["x"]} for n in range(4)],
}


def checkout(folder: Path) -> None:
    for name in ("tasks", "splits/default"):
        (folder / name).mkdir(parents=True)
    for task in ("task1_a", "task2_b"):
        (folder / "tasks" / f"{task}.json").write_text(json.dumps(TASK))
    (folder / "splits/default/train_tasks.txt").write_text("task1_a\n")
    (folder / "splits/default/test_tasks.txt").write_text("task2_b\n")


def without_splits(folder: Path) -> None:
    checkout(folder)
    (folder / "splits/default/train_tasks.txt").unlink()


def cut_in_half(folder: Path) -> None:
    checkout(folder)
    (folder / "tasks/task2_b.json").write_text(json.dumps(TASK)[:80])


def without_answers(folder: Path) -> None:
    checkout(folder)
    instances = [{"input": str(n), "output": ["", " "]} for n in range(4)]
    (folder / "tasks/task2_b.json").write_text(json.dumps(TASK | {"Instances": instances}))


def other_columns(folder: Path) -> None:
    folder.mkdir()
    (folder / "data.jsonl").write_text('{"question": "q", "answer": "a"}\n')


BAD: dict[str, tuple[str, Callable[[Path], None] | None, list[str]]] = {
    "a checkout without splits": (
        "natural-instructions[path=data]",
        without_splits,
        ["data is not a checkout of natural-instructions: it has no splits/default/train_tasks.txt"],
    ),
    "a task cut in half": (
        "natural-instructions[path=data]",
        cut_in_half,
        ["data/tasks/task2_b.json: not JSON: ", "(column "],
    ),
    "a task without answers": (
        "natural-instructions[path=data]",
        without_answers,
        ["the unseen task 'task2_b' has no scored example with an answer"],
    ),
    "a hub id without network": (
        "sharegpt",
        None,
        ["the network is off", "pass path=… (", "unset HF_HUB_OFFLINE", "hf download openchat/openchat_sharegpt4_da"],
    ),
    "other columns": (
        "hf[path=data]",
        other_columns,
        ["these columns were found: question, answer; needed are instruction + context + response or "],
    ),
}


@pytest.mark.parametrize(("dataset", "made", "parts"), BAD.values(), ids=BAD)
def test_bad_data(
    zsg: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    dataset: str,
    made: Callable[[Path], None] | None,
    parts: list[str],
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    if made is not None:
        made(tmp_path / "data")

    done = zsg("run", "-a", "random", "-d", dataset, "--budget", 2, "--store", "store")

    assert done.code == 2
    assert done.out == ""
    (line,) = done.err.strip().splitlines()
    assert line.startswith("zsg-harness: error: ")
    assert all(part in line for part in parts), line
    # Of the store there is at most what a library had to convert to look at it.
    written = {path.relative_to(tmp_path / "store").parts[0] for path in (tmp_path / "store").rglob("*")}
    assert written <= {"cache"}


def test_data_that_is_whole_is_planned(zsg: Callable[..., Any], tmp_path: Path) -> None:
    checkout(tmp_path / "data")
    done = zsg("plan", "-a", "random", "-d", "natural-instructions[path=data]", "--budget", 2)
    assert (done.code, done.err) == (0, "ad-hoc: 3 cells: 3 to run\n")
