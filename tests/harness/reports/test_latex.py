"""The LaTeX table: nothing in a name is a command, the best is bold, and ties are marked."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.reports import build
from zsg_harness.reports.latex import escaped, tie_letters
from zsg_harness.store.store import Store

COMMAND = re.compile(r"\\(?:text[a-z]+\{\}|ldots\{\}|,|[{}&%$#_])|\$(?:-|\\times|\\Delta|\\approx)\$|\{\[\}|\{\}")
HOSTILE = r"\input{/etc/passwd} 100% & a_b #1 $x^2$ ~ [2] {" + "\n--\x1b\u202e"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_character_is_a_command(text: str) -> None:
    assert not set(COMMAND.sub("", escaped(text))) & set("\\{}&%$#_~^[\n\r\t\x1b")


@given(st.text("ab-, \t\n", max_size=20))
def test_plain_text_stays_what_it_is(text: str) -> None:
    shown = escaped(text)
    assert shown.replace("{}", "") == " ".join(text.split())
    assert "--" not in shown


def test_what_every_character_becomes() -> None:
    assert escaped(HOSTILE) == (
        r"\textbackslash{}input\{/etc/passwd\} 100\% \& a\_b \#1 \$x\textasciicircum{}2\$"
        r" \textasciitilde{} {[}2] \{ -{}-"
    )


@pytest.fixture
def report(store, tmp_path: Path) -> str:
    for seed, height in enumerate([5.0, 5.1, 5.2, 4.9, 5.05]):
        streams = {"data": None, "order": seed, "train": None}
        store.cell("random", [9.0, 6.0, height], order=f"r{seed}", seeds=[seed], streams=streams,
                   scores={"rougeL": {"task-a": 40.0}})  # fmt: skip
    store.cell("near_first", [9.0, 4.0, 3.0], order="n", scores={"rougeL": {"task-a": 31.0}})
    store.cell(HOSTILE, [9.0, 6.0, 5.1], order="x", scores={"rougeL": {"task-a": 31.0}})
    store.plan()
    build(Store(store.path), tmp_path / "report")
    return (tmp_path / "report" / "leaderboard.tex").read_text()


def test_the_table_is_whole(report: str) -> None:
    rows = [line for line in report.splitlines() if line.endswith(r"\\")]
    assert len(rows) == 4
    assert len({len(re.findall(r"(?<!\\)&", row)) for row in rows}) == 1
    (columns,) = re.findall(r"\\begin\{tabular\}\{([lr]+)\}", report)
    assert len(re.findall(r"(?<!\\)&", rows[0])) == len(columns) - 1
    depth = 0
    for brace in re.findall(r"(?<!\\)[{}]", report):
        depth += 1 if brace == "{" else -1
        assert depth >= 0
    assert depth == 0
    assert re.findall(r"\\(top|mid|bottom)rule", report) == ["top", "mid", "bottom"]


def test_the_best_of_a_column_is_bold(report: str) -> None:
    header, first, *others = [line for line in report.splitlines() if line.endswith(r"\\")]
    cells = dict(zip(header.removesuffix(r" \\").split(" & "), first.removesuffix(r" \\").split(" & "), strict=True))
    assert cells["arrangement"] == r"near\_first"
    assert cells["aulc"].startswith(r"\textbf{")
    assert cells["ROUGE-L"] == "31.00"
    assert any(r"\textbf{40.00}" in row for row in others)
    assert not any(r"\textbf{" in row.split(" & ")[2] for row in others)


def test_ties_share_a_letter(report: str) -> None:
    _, first, *others = [line for line in report.splitlines() if line.endswith(r"\\")]
    assert r"\textsuperscript" not in first
    assert all(r"\textsuperscript{a}" in row.split(" & ")[0] for row in others)


def test_tie_groups_go_before_verdicts() -> None:
    lines = [{"tie_group": group, "verdict": "tie"} for group in (1, 2, 2, 3, 3, None)]
    assert tie_letters(lines) == ["", "a", "a", "b", "b", ""]


def test_nobody_ties_alone() -> None:
    assert tie_letters([{"verdict": "better"}, {"verdict": "reference"}]) == ["", ""]


def test_the_best_of_a_score_is_the_greatest_whatever_it_is_called(store, tmp_path: Path) -> None:
    metrics = {
        "loss": {"direction": "lower", "scope": "unseen"},
        "lossless": {"direction": "higher", "scope": "unseen"},
    }
    for name, value in (("random", 1.0), ("nft", 9.0)):
        store.cell(name, order=name, scores={"lossless": {"task-a": value}}, metrics=metrics)
    store.plan()
    build(Store(store.path), tmp_path / "report")
    table = (tmp_path / "report" / "leaderboard.tex").read_text()
    assert r"\textbf{9.00}" in table
    assert r"\textbf{1.00}" not in table
