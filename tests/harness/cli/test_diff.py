"""`diff`: two orders from files or from a store, as text, JSON and a picture."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zsg: Callable[..., Any]) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with (tmp_path / "pool.jsonl").open("w") as file:
        for i in range(20):
            file.write(json.dumps({"prompt": f"p{i}", "completion": "c", "task": f"t{i // 10}"}) + "\n")
    base = ["arrange", "pool.jsonl", "-q"]
    zsg(*base, "-a", "sequential", "--out", "a.jsonl", "--out", "a.parquet")
    zsg(*base, "-a", "sequential | reverse", "--out", "b.parquet")


def test_the_figures(zsg: Callable[..., Any]) -> None:
    result = zsg("diff", "a.jsonl", "b.parquet", "--json")
    assert result.code == 0
    found = result.json
    assert (found["kendall_tau"], found["same_set"], found["same_order"], found["common"]) == (-1, True, False, 20)
    assert [(one["percent"], one["shared"]) for one in found["prefixes"]] == [
        (1, 0), (2, 0), (5, 0), (10, 0), (20, 0), (50, 0), (100, 20),
    ]  # fmt: skip
    assert found["a"]["origin"]["arrangement"] == "sequential"
    assert found["b"]["origin"]["arrangement"] == "sequential | reverse"
    # The tasks that the one file tells serve for the other.
    assert found["b"]["task_mix"]["t1"] == [1.0] * 5 + [0.0] * 5


def test_as_text(zsg: Callable[..., Any]) -> None:
    result = zsg("diff", "a.parquet", "b.parquet", "--data", "pool.jsonl")
    assert result.code == 0
    text = " ".join(result.out.split())
    assert "same examples yes same order no common examples 20 Kendall's τ -1.000" in text
    assert "t0 100 100 100 100 100 0 0 0 0 0" in text


def test_one_order_in_two_forms(zsg: Callable[..., Any]) -> None:
    found = zsg("diff", "a.jsonl", "a.parquet", "--json").json
    assert (found["same_set"], found["same_order"], found["kendall_tau"]) == (True, True, 1)


def test_data_that_was_changed_is_not_called_what_it_was(zsg: Callable[..., Any], tmp_path: Path) -> None:
    rows = (tmp_path / "a.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "a.jsonl").write_text("".join(rows[:-1]))
    assert zsg("diff", "a.jsonl", "a.parquet", "--json").json["a"]["origin"] == {}


@pytest.mark.parametrize("name", ["d.svg", "new/d.html"])
def test_a_picture(name: str, zsg: Callable[..., Any], tmp_path: Path) -> None:
    assert zsg("diff", "a.jsonl", "b.parquet", "--picture", name).code == 0
    assert "What the beginnings share" in (tmp_path / name).read_text()


def test_cells_of_a_store(zsg: Callable[..., Any], finished: Any) -> None:
    cells = sorted(path.parent.name for path in (finished.store / "cells").glob("*/done.json"))
    found = zsg("diff", cells[0], cells[1][:12], "--store", finished.store, "--json").json
    assert found["a"]["origin"]["arrangement"] == "random"
    assert {found["a"]["origin"]["seed"], found["b"]["origin"]["seed"]} == {0, 1}
    failed = next(path.name for path in (finished.store / "cells").iterdir() if not (path / "done.json").exists())
    result = zsg("diff", cells[0], failed, "--store", finished.store)
    assert (result.code, result.out) == (2, "")
    assert "is not finished" in result.err


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["a.jsonl"], "ORDER"),
        (["a.jsonl", "c.parquet"], "'a.parquet'"),
        (["a.jsonl", "c.jsonl"], "'a.jsonl'"),
        (["pool.jsonl", "a.jsonl"], "pool.jsonl, line 1: not an object with an id"),
        (["a.jsonl", "abc"], "not a store"),
        (["a.jsonl", "b.parquet", "--picture", "d.png"], "must end with .svg or .html"),
        (["a.jsonl", "b.parquet", "--picture", "a.jsonl/d.svg"], "is not a folder"),
        (["a.jsonl", "b.parquet", "--data", "pol.jsonl"], "'pool.jsonl'"),
    ],
)
def test_wrong_input_is_one_line(args: list[str], hint: str, zsg: Callable[..., Any]) -> None:
    result = zsg("diff", *args)
    assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
    assert hint in result.err
