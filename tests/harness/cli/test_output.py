from __future__ import annotations

import json
from pathlib import Path

import pytest

from zsg_harness.cli.output import counted, duration, print_json, print_table, printable

ROWS = [["short", "x" * 60, "y" * 50], ["other", "a few words", "z"]]


def test_a_pipe_gets_whole_lines(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("one", "two", "three"), ROWS)
    header, first, second = capsys.readouterr().out.splitlines()
    assert header.split() == ["one", "two", "three"]
    assert first.split() == ROWS[0]
    assert second == second.rstrip()


@pytest.mark.parametrize(("columns", "lines"), [(30, 3), (80, 4), (200, 3)])
def test_a_terminal_loses_nothing(
    columns: int, lines: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    print_table(("one", "two", "three"), ROWS)
    out = capsys.readouterr().out
    assert len(out.splitlines()) == lines
    assert (out.count("x"), out.count("y"), out.count("short")) == (60, 50, 1)


def test_no_heading_where_columns_have_no_names(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("", ""), [("a", "b")])
    assert capsys.readouterr().out == "a  b\n"


def test_json_has_no_nan(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"value": float("nan"), "list": (1, float("inf")), "path": Path("a/b"), "word": "×"})
    out = capsys.readouterr().out
    assert json.loads(out) == {"value": None, "list": [1, None], "path": "a/b", "word": "×"}
    assert "×" in out


def test_words() -> None:
    assert [duration(s) for s in (0.04, 12.34, 65, 7380)] == ["0.0 s", "12.3 s", "1 min 05 s", "2 h 03 min"]
    assert counted({"run": 2, "done": 0, "skipped": 1}) == "2 to run, 1 skipped"
    assert counted({}) == "none"
    assert printable("a\x1b[2Jb\n") == "a\N{REPLACEMENT CHARACTER}[2Jb\N{REPLACEMENT CHARACTER}"
