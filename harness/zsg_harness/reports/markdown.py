"""The leaderboard as GitHub-flavoured Markdown, for a README."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from zsg_harness.reports.board import Leaderboard, Section
from zsg_harness.reports.environment import counted_values, environment_text
from zsg_harness.reports.expectations import EXPLANATION
from zsg_harness.reports.formatting import LOSS_DIGITS, MISSING, SCORE_DIGITS, interval, number, text
from zsg_harness.reports.matrix_text import matrix_file, matrix_toml, reproduce_command
from zsg_harness.reports.records import Labels

_ACTIVE: Final = re.compile(r"([\\`*_\[\]|~$])")
_SHOWN_TOO: Final = frozenset({"loss_best", "seeds"})


def markdown(board: Leaderboard) -> str:
    """The whole report."""
    return "\n".join(_report(board)) + "\n"


def _report(board: Leaderboard) -> Iterator[str]:
    yield from (f"# {escaped(board.title)}", "", f"{board.state}.", "")
    if not board.sections:
        yield from ("No cell has finished, so there is nothing to rank.", "")
    for section in board.sections:
        yield from _section(section)
    if board.sections:
        yield from (
            "`aulc` is the area under the loss curve over log(1 + step), as a mean loss: less is better. Losses are "
            "means over tasks. Brackets are 95 % t intervals over distinct orders, with the tasks fixed; "
            "`Δ random` is taken within blocks. A verdict is of one comparison with random, at the level of 5 %; with "
            "* it holds for all comparisons of the table together (Holm's correction). Arrangements of one group are "
            "not told apart. "
            "Details: `leaderboard.csv`, `scores.csv`, `index.html`.",
            "",
        )
    if board.overall:
        yield from ("## Over all tables", "")
        yield from _table(
            ["arrangement", "embedder", "mean rank", "better", "worse", "tasks won"],
            [
                [each.arrangement, each.embedder or MISSING, number(each.mean_rank, SCORE_DIGITS), str(each.better),
                 str(each.worse), number(each.win_rate, SCORE_DIGITS)]
                for each in board.overall
            ],
            [False, False, True, True, True, True],
        )  # fmt: skip
    if board.findings:
        yield from ("## What was found elsewhere, and here", "")
        yield from _table(
            ["found elsewhere", "outcome", "difference here", "where", "source"],
            [
                [found.claim, found.outcome, found.here, " · ".join(found.section or [MISSING]), found.source]
                for found in board.findings
            ],
        )
        yield from (f"{EXPLANATION}", "")
    if board.reasons:
        yield from ("## Cells without a result", "")
        yield from _table(
            ["state", "arrangement", "dataset", "embedder", "model", "budget", "seeds", "reason"],
            [[cell.state, *_labels(cell.labels), ", ".join(cell.seeds), cell.reason] for cell in board.reasons],
        )
    yield from _reproduce(board)


def _section(section: Section) -> Iterator[str]:
    yield from (f"## {escaped(section.title)}", "")
    yield from (escaped(section.headline), "")
    shown = [column for column in section.columns if not column.secondary or column.key in _SHOWN_TOO]
    rows = [[f"{text(line, column)} {interval(line, column)}".rstrip() for column in shown]
            for line in section.records]  # fmt: skip
    numbers = [column.is_number for column in shown]
    yield from _table([column.heading for column in shown], rows, numbers)
    band = section.null_band
    limits = f"{number(band.low, LOSS_DIGITS)} to {number(band.high, LOSS_DIGITS)}"
    if limits[0].isdigit():
        yield f"- Null band: the `aulc` of one more random order falls in {limits} with 95 %."
    yield from (f"- {escaped(note)}" for note in section.notes)
    yield ""


def _labels(labels: Labels) -> list[str]:
    return [labels.arrangement, labels.dataset, labels.embedder or MISSING, labels.model, labels.budget]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[bool] = ()) -> Iterator[str]:
    rules = ["--:" if number else "---" for number in numbers or [False] * len(headings)]
    yield f"| {' | '.join(map(escaped, headings))} |"
    yield f"| {' | '.join(rules)} |"
    for row in rows:
        yield f"| {' | '.join(map(escaped, row))} |"
    yield ""


def _reproduce(board: Leaderboard) -> Iterator[str]:
    yield from ("## How to reproduce", "")
    for stem, plan in board.results.plans.items():
        yield from (f"Save as `{matrix_file(plan.name)}` (plan {escaped(stem)}):", "")
        yield from (*_fenced(matrix_toml(plan.matrix), "toml"), "")
        yield from (*_fenced(reproduce_command(plan.name), "sh"), "")
    if board.differences:
        yield from ("Not the same in all cells that are compared:", "")
        for name, cells in board.differences.items():
            yield f"- {escaped(name)}: {escaped(environment_text(counted_values(cells)))}"
        yield ""
    if board.environment:
        yield from ("Run with:", "")
        for name, values in board.environment.items():
            if name not in board.differences:
                yield f"- {escaped(name)}: {escaped(environment_text(values))}"
        yield ""


def _fenced(content: str, language: str) -> list[str]:
    """A code block whose fence is longer than any run of backticks in it."""
    longest = max((len(run) for run in re.findall(r"`+", content)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}{language}", content.rstrip("\n"), fence]


def escaped(value: str) -> str:
    """`value` on one line as Markdown text: neither HTML nor Markdown in it takes effect."""
    return _ACTIVE.sub(r"\\\1", html.escape(" ".join(value.split()), quote=False))
