"""The displays, fed with the events of a run that is not there."""

from __future__ import annotations

import io
import re
from functools import partial
from pathlib import Path

import pytest
from rich.console import Console

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.cli import progress
from zsg_harness.cli.forecast import Forecast
from zsg_harness.cli.live import LiveDisplay
from zsg_harness.cli.progress import CellLines, FailureLines, describe, rough
from zsg_harness.cli.watch import watch
from zsg_harness.listener import Listener
from zsg_harness.matrix.load import load_matrix
from zsg_harness.plan.build import build_plan
from zsg_harness.plan.cell import Cell
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
    listener.retried(Outcome(other, "failed", "out of luck", 1.0, {}))
    listener.elsewhere(1)
    listener.elsewhere(2)
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
        "failed, and is tried again: random × mini × zsg-tiny × budget 500 · seed 1: out of luck",
        "another run on this store has some of these cells: they are left to it, and waited for",
        "[2/2] failed random × mini × zsg-tiny × budget 500 · seed 1: it broke \N{REPLACEMENT CHARACTER}[2J",
    ]


def test_quiet_tells_of_failures_alone(cells: list[Cell], capsys: pytest.CaptureFixture[str]) -> None:
    feed(FailureLines(None), cells)
    (line,) = capsys.readouterr().err.splitlines()
    assert "it broke" in line


def test_a_limit_counts(cells: list[Cell], capsys: pytest.CaptureFixture[str]) -> None:
    CellLines("mini", 1).planned(cells)
    assert "2 to run; this run does 1" in capsys.readouterr().err


def test_how_cells_end_that_did_not_finish_here(cells: list[Cell], capsys: pytest.CaptureFixture[str]) -> None:
    listener = CellLines("mini", None)
    listener.planned(cells)
    one, other = (cell.cell_id for cell in cells if cell.state == "run")
    listener.ended(Outcome(one, "done", "by another run", 0.0, {}))
    listener.ended(Outcome(other, "stopped", "stopped after step 3, with its state saved", 9.0, {}))
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "[1/2] random × mini × zsg-tiny × budget 500 · seed 0  done by another run",
        "[2/2] stopped random × mini × zsg-tiny × budget 500 · seed 1: stopped after step 3, with its state saved",
    ]


def test_a_long_cell_is_heard_of_in_a_log_ever_more_seldom(
    cells: list[Cell], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr(progress, "Forecast", partial(Forecast, clock=lambda: clock[0]))
    listener = CellLines("mini", None)
    listener.planned(cells)
    one, other = (cell.cell_id for cell in cells if cell.state == "run")
    listener.progressed(Progress(other, "embedding 1,024 of 20,000"))
    said = []
    for step in range(1, 1201):
        clock[0] += 10
        listener.progressed(Progress(one, "training", step, 1500, 1.0, 100.0))
        if lines := capsys.readouterr().err.splitlines()[-1:]:
            said.append((clock[0] // 60, *lines))
    assert [round(minute) for minute, _ in said[1:]] == [1, 3, 7, 15, 31, 62, 92, 122, 152, 182]
    assert said[1][1] == ("[0/2] running: random embedding 1,024 of 20,000, random 7/1500; about 4 h 10 min left")


def shown(cells: list[Cell], width: int, **options: object) -> str:
    """A live display's screen at the end of `feed`, with both cells under way again."""
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=width, highlight=False, **options)
    display = LiveDisplay("mini", None, console)
    with display:
        feed(display, cells)
        one, other = (cell.cell_id for cell in cells if cell.state == "run")
        display.progressed(Progress(one, "training", 3, 10, 1.5, 1234.0))
        display.progressed(Progress(one, "evaluating", 3, 10, scores={"loss": 1.4}))
        display.progressed(Progress(other, "loading"))
        frame = Console(file=io.StringIO(), width=width, record=True)
        frame.print(display)
    assert "\x1b[2J" not in screen.getvalue()
    assert "it broke" in screen.getvalue()
    return frame.export_text()


def test_the_live_display(cells: list[Cell]) -> None:
    overall, *running = shown(cells, 120).splitlines()
    assert overall.startswith("mini")
    assert "2/2 cells, 1 failed, 2 in another run" in overall
    assert len(running) == 2
    assert running[0].split("evaluating")[0].strip() == "random · seed 0"
    assert "3/10  loss 1.500  1,234 tok/s" in running[0]
    assert running[1].split() == ["random", "·", "seed", "1", "loading", *running[1].split()[5:]]


@pytest.mark.parametrize("width", [30, 40, 60, 80, 100])
def test_the_live_display_fits_narrow_terminals(cells: list[Cell], width: int) -> None:
    lines = shown(cells, width).splitlines()
    assert len(lines) == 3  # nothing wraps
    assert all(len(line) <= width for line in lines)
    assert "2/2" in lines[0]
    assert "3/10" in lines[1]


def test_without_colour(cells: list[Cell], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    screen = io.StringIO()
    display = LiveDisplay("mini", None, Console(file=screen, force_terminal=True, width=100, highlight=False))
    with display:
        feed(display, cells)
    assert not [code for code in re.findall(r"\x1b\[([\d;]+)m", screen.getvalue()) if code not in ("0", "1", "2")]


def test_cells_are_named_by_what_tells_them_apart(cells: list[Cell]) -> None:
    other = cells[2].labels.model_copy(update={"budget": "9"})
    few = [cells[2], cells[3].model_copy(update={"labels": other})]
    display = LiveDisplay("mini", None, Console(file=io.StringIO(), width=120))
    display.planned(few)
    for cell in few:
        display.progressed(Progress(cell.cell_id, "loading"))
    frame = Console(file=io.StringIO(), width=120, record=True)
    frame.print(display)
    lines = frame.export_text().splitlines()[1:]
    assert [line.split("loading")[0].strip() for line in lines] == [
        "random · 500 · seed 0",
        "random · 9 · seed 1",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "5 s"), (33, "35 s"), (80, "1 min"), (3500, "58 min"), (7890, "2 h 10 min"), (400_000, "5 days")],
)
def test_a_guess_is_no_finer_than_it_can_be_known(seconds: float, text: str) -> None:
    assert rough(seconds) == text


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
    assert describe(cells[0].model_copy(update={"user_seeds": ("data=2,order=2,train=2",)})).endswith("· seed 2")
