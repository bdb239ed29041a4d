from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_the_table_says_what_would_run_and_why(zsg: Callable[..., Any], mini: Path) -> None:
    result = zsg("plan", "--matrix", mini, "--filter", "budget=4")
    assert result.code == 0
    header, *rows = result.out.splitlines()
    assert header.split() == [
        "state", "reason", "arrangement", "dataset", "embedder", "model", "budget", "seeds", "access", "cell",
    ]  # fmt: skip
    assert [row.split()[:-1] for row in rows] == [
        ["run", "new", "random", "mini", "–", "zsg-tiny", "4", seed, "none"] for seed in ("0", "1")
    ]
    assert "2 cells: 2 to run" in result.err
    assert not Path("runs").exists()


def test_json(zsg: Callable[..., Any], mini: Path) -> None:
    document = zsg("plan", "--matrix", mini, "--json").json
    assert document["matrix"] == "mini"
    assert document["totals"] == {"run": 4}
    assert {"cell_id", "state", "reason", "arrangement", "seeds", "block"} <= set(document["cells"][0])


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
