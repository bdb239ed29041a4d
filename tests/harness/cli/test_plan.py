from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_the_table_says_what_would_run_and_why(zsg: Callable[..., Any], mini: Path) -> None:
    result = zsg("plan", "--matrix", mini, "--filter", "budget=4")
    assert result.code == 0
    same, header, *rows = result.out.split("\n\n")[0].splitlines()
    assert same == "all cells: dataset mini, model zsg-tiny, budget 4"
    assert header.split() == ["state", "arrangement", "seeds", "cell", "why"]
    assert [row.split()[:3] + row.split()[4:] for row in rows] == [["run", "random", seed, "new"] for seed in "01"]
    assert "time unknown for 2 cells: the store has no finished cell like them; --pilot times a few steps" in result.out
    assert "2 cells: 2 to run" in result.err
    assert not Path("runs").exists()


def test_json(zsg: Callable[..., Any], mini: Path) -> None:
    document = zsg("plan", "--matrix", mini, "--json").json
    assert document["matrix"] == "mini"
    assert document["totals"] == {"run": 4}
    assert {"cell_id", "state", "reason", "cause", "arrangement", "seeds", "block"} <= set(document["cells"][0])
    assert document["estimate"] | {"basis": 0} == {
        "cells": 0, "unknown": 4, "tokens": 0, "seconds": 0, "bytes": None, "basis": 0,
    }  # fmt: skip
    assert document["budget"] is None


def test_cells_are_chosen_and_ordered(zsg: Callable[..., Any], mini: Path) -> None:
    def budgets(*options: str) -> list[str]:
        return [cell["budget"] for cell in zsg("plan", "--matrix", mini, "--json", *options).json["cells"]]

    mini.write_text(mini.read_text().replace("budgets = [4, 500]", "budgets = [500, 4, 8]"))
    assert budgets("--exclude", "budget=500,seed=0", "--exclude", "budget=8") == ["500", "4", "4"]
    assert budgets("--filter", "seed=0", "--order", "cheap-first") == ["4", "8", "500"]
    for option, complaint in (("budget=9", "no cell matches --exclude budget=9"), ("*", "'*' is not axis=pattern")):
        result = zsg("plan", "--matrix", mini, "--exclude", option)
        assert (result.code, complaint in result.err) == (2, True)
    assert zsg("plan", "--matrix", mini, "--exclude", "seed=*").err.count("--exclude seed=* leaves no cell") == 1


def test_work_that_cells_share_is_named_once(zsg: Callable[..., Any]) -> None:
    options = ["-a", "tma", "-a", "nft", "-a", "sort[by=loss]", "-a", "random", "--seed", "0", "--seed", "1"]
    shared = zsg("plan", *options, "--json").json["shared"]
    assert [(work["what"], work["of"], work["cells"], work["parts"], work["cached"]) for work in shared] == [
        ("embeddings", "procedural by minilm", 4, 2, 0),  # the pool is drawn with the seed
        ("step-0 evaluation", "procedural by zsg-tiny", 8, 1, 0),
        ("base losses", "procedural by zsg-tiny", 2, 2, 0),
    ]


def test_a_pilot_times_what_no_finished_cell_tells(zsg: Callable[..., Any], mini: Path) -> None:
    result = zsg("plan", "--matrix", mini, "--pilot", "--json", "--filter", "budget=4", "--workers", 2)
    assert result.code == 0
    assert "timing zsg-tiny on mini" in result.err
    found = result.json["cells"][0]["estimate"]
    assert found["seconds"] > 0
    assert found["bytes"] is None
    assert found["basis"].startswith("a pilot of 5 steps on ")
    assert found["tokens"] == found["examples"] * 22  # every example of mini has as many
    assert not Path("runs").exists()


def test_a_length_of_time_is_for_a_plan(zsg: Callable[..., Any], mini: Path) -> None:
    assert zsg("plan", "--matrix", mini, "--budget", "1h30m", "--json").json["budget"]["seconds"] == 5400
    result = zsg("run", "--matrix", mini, "--budget", "2h")
    assert (result.code, "a length of time as --budget is for 'plan'" in result.err) == (2, True)
    assert "'2x' is not a number of examples" in zsg("plan", "--matrix", mini, "--budget", "2x").err


@pytest.mark.parametrize("args", [["--matrix", "--store", "x"], ["--store", "x", "--matrix"], ["--matrix=everything"]])
def test_matrix_without_a_value_is_everything(args: list[str], zsg: Callable[..., Any]) -> None:
    document = zsg("plan", "--json", *args).json
    assert document["matrix"] == "everything"
    arrangements = {cell["arrangement"] for cell in document["cells"]}
    assert {"random", "nft", "tma"} <= arrangements


def test_a_name_after_matrix_is_taken(zsg: Callable[..., Any]) -> None:
    document = zsg("plan", "--matrix", "quickstart", "--store", "x", "--json").json
    assert document["matrix"] == "quickstart"
    assert document["totals"] == {"run": 18}
    assert document["store"] == "x"


def test_an_ad_hoc_plan_shares_the_quickstart_s_cells(zsg: Callable[..., Any]) -> None:
    quickstart = zsg("plan", "--matrix", "quickstart", "--json").json["cells"]
    ad_hoc = zsg("plan", "-a", "tma", "--seed", 1, "--json").json["cells"]
    assert len(ad_hoc) == 1
    assert ad_hoc[0]["cell_id"] in {cell["cell_id"] for cell in quickstart}


def test_an_ad_hoc_plan_does_not_cap_other_data(zsg: Callable[..., Any], mini: Path) -> None:
    data = f"jsonl[path={mini.parent / 'data.jsonl'},unseen=0.25]"
    options = ["-a", "random", "-a", "random | head[n=2]", "-d", data, "--budget", "3", "--budget", "tokens=50"]
    document = zsg("plan", "--json", *options, "--budget", "all", "--seed", "7").json
    assert document["matrix"] == "ad-hoc"
    assert [cell["arrangement"] for cell in document["cells"]] == ["random", "random | head[n=2]"] * 3
    assert {cell["budget"] for cell in document["cells"]} == {"3", "50 tokens", "all"}
    assert {tuple(cell["seeds"]) for cell in document["cells"]} == {("7",)}


def test_decontaminate_goes_over_the_matrix(zsg: Callable[..., Any], mini: Path) -> None:
    def ids(*options: str) -> list[str]:
        return [cell["cell_id"] for cell in zsg("plan", "--matrix", mini, "--json", *options).json["cells"]]

    as_written = ids()
    dropping = ids("--decontaminate", "drop")
    assert not set(as_written) & set(dropping)
    mini.write_text(mini.read_text().replace("[data]", '[data]\ndecontaminate = "drop"'))
    assert ids() == dropping
    assert ids("--decontaminate", "report") == as_written
    mini.write_text(mini.read_text().replace('"drop"', '"dorp"'))
    result = zsg("plan", "--matrix", mini)
    assert (result.code, "'data.decontaminate'" in result.err) == (2, True)
