"""Columns that plugins add, in every format."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from zsg_harness.reports import Leaderboard, build
from zsg_harness.reports.console import terminal_table
from zsg_harness.store.store import Store

HOSTILE = "<script>hit()</script>"


@pytest.fixture
def board(store, tmp_path: Path) -> Leaderboard:
    store.cell("random", [9.0, 6.0, 5.0], order="r")
    store.cell("nft", [9.0, 5.0, 4.0], order="n", embedder="minilm")
    store.plan()

    def added(rows: list[dict[str, Any]]) -> dict[str, list[Any]]:
        assert [row["arrangement"] for row in rows] == ["nft", "random"]
        assert rows[0]["loss_final_low"] is None
        return {"cost": [1234.5678, None], "cells": [2, 30_000], HOSTILE: ["a|b", HOSTILE], "silent": [None, None]}

    return build(Store(store.path), tmp_path / "report", added=added)


def test_they_are_in_every_format_and_act_in_none(board: Leaderboard, tmp_path: Path) -> None:
    report = tmp_path / "report"
    table = pd.read_csv(report / "leaderboard.csv")
    assert list(table.columns[-4:]) == ["cost", "cells", HOSTILE, "silent"]
    assert table["cost"].tolist()[0] == 1234.5678
    assert table["cells"].tolist() == [2, 30_000]
    rows = json.loads((report / "leaderboard.json").read_text())["rows"]
    assert [row["cost"] for row in rows] == [1234.5678, None]
    markdown = (report / "leaderboard.md").read_text()
    assert "| 1 235 | 2 | a\\|b |" in markdown
    assert "| – | 30 000 |" in markdown
    page = (report / "index.html").read_text()
    assert ">1\u202f235<" in page
    assert 'data-sort="1234.5678"' in page
    assert "&lt;script&gt;hit()" in page
    assert HOSTILE not in page
    assert HOSTILE not in markdown
    assert ">silent<" not in page


def test_they_are_in_the_terminal(board: Leaderboard) -> None:
    screen = io.StringIO()
    Console(file=screen, width=160).print(terminal_table(board))
    assert "cost" in screen.getvalue()
    assert "235" in screen.getvalue()
    assert "a|b" in screen.getvalue()


def test_a_report_without_them_is_written_anew(board: Leaderboard, store, tmp_path: Path) -> None:
    again = build(Store(store.path), tmp_path / "report")
    assert list(pd.read_csv(tmp_path / "report" / "leaderboard.csv").columns) == list(again.rows.columns)
    assert "cost" not in again.rows
