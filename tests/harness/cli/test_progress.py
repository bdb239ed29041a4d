"""The displays, fed with the events of a run that is not there."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.cli.live import LiveDisplay
from zsg_harness.cli.progress import CellLines, FailureLines, describe, watch
from zsg_harness.matrix.load import load_matrix
from zsg_harness.plan.build import build_plan
from zsg_harness.plan.cell import Cell
from zsg_harness.runner import Listener
from zsg_registry import Registry


@pytest.fixture
def cells(mini: Path) -> list[Cell]:
    """Four cells: one is done, one cannot run here, two are to be run."""
    first, second, *others = build_plan(load_matrix(mini), Registry()).cells
    done = first.model_copy(update={"state": "done"})
    return [done, second.model_copy(update={"state": "skipped", "reason": "no luck"}), *others]


def feed(listener: Listener, cells: list[Cell]) -> None:
    listener.planned(cells)
    listener.warned("mind the gap")
    one, other = (cell.cell_id for cell in cells if cell.state == "run")
    listener.progressed(Progress(one, "loading"))
    listener.progressed(Progress(one, "training", 3, 10, 1.5, 1234.0))
    listener.progressed(Progress(one, "evaluating", 3, 10, scores={"loss": 1.4}))
    listener.ended(Outcome(one, "finished", None, 12.34, {"loss": 1.2345}))
    listener.progressed(Progress(other, "loading"))
    listener.ended(Outcome(other, "failed", "it broke \x1b[2J", 3.0, {}))


def test_plain_lines(cells: list[Cell], capsys: pytest.CaptureFixture[str]) -> None:
    feed(CellLines("mini", None), cells)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "mini: 1 done, 1 skipped, 2 to run",
        "skipped (1): no luck",
        "warning: mind the gap",
        "[1/2] random × mini × zsg-tiny × budget 500 · seed 0  loss 1.234  12.3 s",
        "[2/2] failed random × mini × zsg-tiny × budget 500 · seed 1: it broke \N{REPLACEMENT CHARACTER}[2J",
    ]


def test_quiet_tells_of_failures_alone(cells: list[Cell], capsys: pytest.CaptureFixture[str]) -> None:
    feed(FailureLines(None), cells)
    (line,) = capsys.readouterr().err.splitlines()
    assert "it broke" in line


def test_a_limit_counts(cells: list[Cell], capsys: pytest.CaptureFixture[str]) -> None:
    CellLines("mini", 1).planned(cells)
    assert "2 to run; this run does 1" in capsys.readouterr().err


def test_the_live_display(cells: list[Cell]) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=120, color_system=None, highlight=False)
    display = LiveDisplay("mini", None, console)
    with display:
        feed(display, cells)
        one, other = (cell.cell_id for cell in cells if cell.state == "run")
        display.progressed(Progress(one, "training", 3, 10, 1.5, 1234.0))
        display.progressed(Progress(other, "loading"))
    shown = screen.getvalue()
    for text in ("2/2 cells", "random · seed 0", "training", "3/10  loss 1.500  1,234 tok/s", "loading", "it broke"):
        assert text in shown
    assert "\x1b[2J" not in shown


def test_which_display(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    with watch("m", None, quiet=False, plain=False) as listener:
        assert type(listener) is CellLines  # stderr is not a terminal
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    with watch("m", None, quiet=False, plain=False) as listener:
        assert type(listener) is LiveDisplay
    with watch("m", None, quiet=False, plain=True) as listener:
        assert type(listener) is CellLines
    with watch("m", None, quiet=True, plain=False) as listener:
        assert type(listener) is FailureLines
    monkeypatch.setenv("TERM", "dumb")
    with watch("m", None, quiet=False, plain=False) as listener:
        assert type(listener) is CellLines


def test_a_cell_that_stands_for_two_seeds(cells: list[Cell]) -> None:
    assert describe(cells[0].model_copy(update={"user_seeds": ("0", "1")})).endswith("· seeds 0 1")
