r"""The leaderboard as LaTeX tables (booktabs), to be `\input` into a paper."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd

from zsg_harness.reports.board import Leaderboard, Section
from zsg_harness.reports.formatting import Column, interval, text
from zsg_harness.reports.records import Direction

_COMMANDS: Final = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "|": r"\textbar{}", "<": r"\textless{}",
    ">": r"\textgreater{}", '"': r"\textquotedbl{}", "'": r"\textquotesingle{}", "`": r"\textasciigrave{}",
    "[": "{[}",  # behind a line's end, a bracket would be its argument
    "−": "$-$", "×": r"$\times$", "Δ": r"$\Delta$", "≈": r"$\approx$", "…": r"\ldots{}", "–": "--", "\u202f": r"\,",
}  # fmt: skip
_LIGATURES: Final = re.compile(r"-(?=-)|,(?=,)")
_INVISIBLE: Final = ("Cc", "Cf", "Cs")
_LEFT_OUT: Final = frozenset({"access", "tie_group"})
_LOSSES: Final = ("aulc", "loss")
_HEADER: Final = r"""% Made by `zsg-harness leaderboard`. Needs \usepackage{booktabs} and \usepackage[T1]{fontenc}."""


def latex(board: Leaderboard) -> str:
    """A table for each section."""
    parts = [_HEADER, f"% {escaped(board.title)}: {escaped(board.state)}."]
    for number, section in enumerate(board.sections, start=1):
        parts += ["", *_table(section, board.results.directions, number)]
    return "\n".join(parts) + "\n"


def escaped(value: str) -> str:
    """Text as it is, on one line: no character of it is a command. What cannot be seen is left out."""
    line = " ".join(value.split())
    shown = "".join(char for char in line if unicodedata.category(char) not in _INVISIBLE)
    parts = ("".join(_COMMANDS.get(char, char) for char in part) for part in _apart(shown))
    return "{}".join(parts)


def _apart(line: str) -> list[str]:
    """A line, cut where two characters would run together: `--` would be a dash."""
    return _LIGATURES.sub(lambda match: match[0] + "\0", line).split("\0")


def _table(section: Section, directions: Mapping[str, Direction], number: int) -> Iterator[str]:
    shown = [column for column in section.columns if not column.secondary and column.key not in _LEFT_OUT]
    if section.lines["embedder"].nunique() <= 1:
        shown = [column for column in shown if column.key != "embedder"]
    records = section.records
    groups = tie_letters(records)
    best = {column.key: _best(records, column, directions) for column in shown}
    yield from (r"\begin{table}", r"\centering", rf"\caption{{{_caption(section)}}}", rf"\label{{tab:zsg-{number}}}")
    yield rf"\begin{{tabular}}{{{''.join('r' if column.is_number else 'l' for column in shown)}}}"
    yield r"\toprule"
    yield " & ".join(escaped(column.heading) for column in shown) + r" \\"
    yield r"\midrule"
    for line, group in zip(records, groups, strict=True):
        yield " & ".join(_entry(line, column, best[column.key], group) for column in shown) + r" \\"
    yield from (r"\bottomrule", r"\end{tabular}", r"\end{table}")


def _caption(section: Section) -> str:
    return (
        f"{escaped(section.title)}: arrangements by loss on {escaped(section.held_out)}, less is better. Brackets are "
        r"95\,\% intervals over distinct orders with the tasks fixed; the best of each column is bold; arrangements "
        "that share a letter are not told apart. A verdict is of one comparison, with * of all of them together (Holm)."
    )


def tie_letters(records: Sequence[Mapping[str, Any]]) -> list[str]:
    """A letter for each line: lines that share one are not told apart. Empty for who ties with nobody.

    They are the tie groups of the lines, where those are known; else only who ties with random is.
    """
    if all("tie_group" in line for line in records):
        names = ["" if pd.isna(line["tie_group"]) else str(line["tie_group"]) for line in records]
    else:
        names = ["random" if line["verdict"] in ("reference", "tie") else "" for line in records]
    groups = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
    letters = dict(zip(groups, _letters(), strict=False))
    return [letters.get(name, "") for name in names]


def _letters() -> Iterator[str]:
    """`a` to `z`, then `aa`, `ab` …"""
    yield from string.ascii_lowercase
    yield from (first + second for first in string.ascii_lowercase for second in string.ascii_lowercase)


def _best(records: Sequence[Mapping[str, Any]], column: Column, directions: Mapping[str, Direction]) -> str | None:
    """The best figure of a column as it is printed; None where no direction is better, or all are alike."""
    direction = _direction(column, directions)
    if direction is None:
        return None
    values = [(float(line[column.key]), text(line, column)) for line in records if not pd.isna(line[column.key])]
    if len({shown for _, shown in values}) < 2:
        return None
    return (min if direction == "lower" else max)(values)[1]


def _direction(column: Column, directions: Mapping[str, Direction]) -> Direction | None:
    if column.digits is None or column.added:
        return None
    told = directions.get(column.key.rpartition("/")[2].removeprefix("metric:"))
    return told or ("lower" if column.key.startswith((*_LOSSES, "delta")) else None)


def _entry(line: Mapping[str, Any], column: Column, best: str | None, group: str) -> str:
    value = escaped(text(line, column))
    if best is not None and text(line, column) == best:
        value = rf"\textbf{{{value}}}"
    if column.key == "rank" and group:
        value += rf"\textsuperscript{{{group}}}"
    limits = interval(line, column)
    return value + (rf" {{\footnotesize {escaped(limits)}}}" if limits else "")
