"""What somebody found, beside what a store has."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from zsg_harness.reports import Leaderboard, build
from zsg_harness.reports.console import terminal_table
from zsg_harness.store.store import Store

ORDER_SEEDED = {"data": None, "order": 0, "train": None}


def expect(lower: str, than: str, **more: Any) -> dict[str, Any]:
    return {"lower": lower, "than": than, "figure": "loss_final", "step": None, "source": "<b>A paper</b>", **more}


def report(store: Any, tmp_path: Path, *expected: dict[str, Any]) -> Leaderboard:
    """Five random orders that end at 5.0 … 5.4, and three arrangements of one order each."""
    for seed in range(5):
        store.cell(
            "random", [9.0, 6.0, 5 + seed / 10], order=f"r{seed}", seeds=[seed], streams=ORDER_SEEDED, access="none"
        )
    store.cell("near", [9.0, 8.0, 3.0], order="n")
    store.cell("far", [9.0, 7.0, 9.0], order="f")
    store.cell("even", [9.0, 6.0, 5.1], order="e")
    matrix = {"matrix": {"name": "toy", "arrangements": ["random"]}, "expect": list(expected)}
    store.plan("toy", matrix)
    return build(Store(store.path), tmp_path / "report")


@pytest.mark.parametrize(
    ("lower", "than", "outcome"),
    [
        ("near", "random", "reproduced"),
        ("random", "near", "contradicted"),
        ("random", "far", "reproduced"),
        ("near", "far", "reproduced"),
        ("even", "random", "same direction"),
        ("random", "even", "opposite direction"),
    ],
)
def test_what_may_be_said(store: Any, tmp_path: Path, lower: str, than: str, outcome: str) -> None:
    (found,) = report(store, tmp_path, expect(lower, than)).findings
    assert found.outcome == outcome
    assert found.difference is not None
    assert found.difference.replicates == 5


def test_the_loss_at_a_step(store: Any, tmp_path: Path) -> None:
    # Steps 0, 1 and 10 were scored: at step 7 the last one is 1, where `near` is not yet lower.
    early, late = report(
        store, tmp_path, expect("near", "far", step=7), expect("near", "far", figure="loss_best")
    ).findings
    assert early.difference is not None
    assert early.difference.interval.mean == pytest.approx(1.0)
    assert early.claim == "loss at step 7: near lower than far"
    assert late.difference is not None
    assert late.difference.interval.mean == pytest.approx(-4.0)


def test_what_was_not_run_is_said(store: Any, tmp_path: Path) -> None:
    (found,) = report(store, tmp_path, expect("near", "nowhere")).findings
    assert (found.outcome, found.section, found.difference) == ("not run", None, None)


def test_an_expectation_is_about_its_own_matrix(store: Any, tmp_path: Path) -> None:
    store.cell("near", [9.0, 8.0, 3.0], order="n", dataset="other")
    store.cell("random", [9.0, 6.0, 5.0], order="r", dataset="other")
    store.plan("elsewhere", {"matrix": {"name": "elsewhere", "arrangements": ["near"]}})
    findings = report(store, tmp_path, expect("near", "random")).findings
    assert [found.section.dataset for found in findings if found.section] == ["toy"]


def test_every_report_tells(store: Any, tmp_path: Path) -> None:
    board = report(store, tmp_path, expect("near", "random"), expect("near", "nowhere"))
    console = Console(width=200, file=io.StringIO(), record=True)
    console.print(terminal_table(board))
    told = console.export_text()
    assert "reproduced: loss_final: near lower than random (−2.200 [" in told
    assert "not run: loss_final: near lower than nowhere (–); <b>A paper</b>" in told
    folder = tmp_path / "report"
    document = json.loads((folder / "leaderboard.json").read_text())
    first, second = document["findings"]
    assert (first["outcome"], first["dataset"], first["replicates"]) == ("reproduced", "toy", 5)
    assert first["difference"]["mean"] == pytest.approx(-2.2)
    assert (second["outcome"], second["dataset"], second["difference"]) == ("not run", None, None)
    page, markdown = (folder / "index.html").read_text(), (folder / "leaderboard.md").read_text()
    for text in (page, markdown):
        assert "loss_final: near lower than random" in text.replace("\\_", "_")
        assert "&lt;b&gt;A paper&lt;/b&gt;" in text
        assert "reproduced" in text
        assert "not run" in text


def test_of_a_matrix_that_was_planned_twice_an_expectation_is_answered_once(store: Any, tmp_path: Path) -> None:
    matrix = {"matrix": {"name": "toy", "arrangements": ["random"]}, "expect": [expect("near", "random")]}
    store.cell("near", order="n")
    store.cell("random", order="r")  # a single order on each side: the limits of the difference are not known
    cells = store.planned
    store.plan("toy", matrix)
    store.planned = [*cells, cells[0] | {"cell_id": "0" * 16, "state": "skipped", "reason": "no network"}]
    store.plan("toy", matrix)
    assert len(build(Store(store.path), tmp_path / "report").findings) == 1
