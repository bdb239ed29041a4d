"""The leaderboard in a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from zsg_harness.reports.formatting import HOLDS, LOSS_DIGITS, Column, number, text

if TYPE_CHECKING:
    from zsg_harness.reports.board import Leaderboard, Section
    from zsg_harness.reports.expectations import Finding

_NAMES: Final = frozenset({"arrangement", "embedder"})
_STYLES: Final = {"better": "green", "worse": "red", "tie": "", "reference": "dim"}


def terminal_table(board: Leaderboard) -> RenderableType:
    """A table for each section, and the failures below."""
    parts: list[RenderableType] = [part for section in board.sections for part in _section(section)]
    if not board.sections:
        parts.append(_text("No cell has finished.", "bold"))
    parts += [_text(line, style) for line, style in map(_found, board.findings)]
    parts.append(_text(board.state, "dim"))
    for cell in board.reasons:
        labels = cell.labels
        parts.append(_text(f"{cell.state}: {labels.arrangement} on {labels.dataset}: {cell.reason}", "red"))
    return Group(*parts)


def _section(section: Section) -> list[RenderableType]:
    left_out = {"access"} if section.lines["embedder"].nunique() > 1 else {"access", "embedder"}
    shown = [column for column in section.columns if not column.secondary and column.key not in left_out]
    table = Table(box=None, pad_edge=False)
    for column in shown:
        is_name = column.key in _NAMES or (column.added and not column.is_number)
        heading = "\n".join(_text(word).plain for word in column.heading.split())
        # In a narrow terminal a name may break, a figure never.
        table.add_column(heading, justify="left" if is_name else "right", no_wrap=not is_name, overflow="fold")
    for line in section.records:
        table.add_row(*(_text(_entry(line, column), _style(line, column)) for column in shown))
    told = Group(*(_text(line, "dim") for line in (section.headline, *section.notes)))
    # A title that is the table's own would break where the table ends.
    return [_text(section.title, "bold"), table, Padding(told, (0, 0, 1, 0))]


def _found(finding: Finding) -> tuple[str, str]:
    """What somebody found and what was found here, and how to write it."""
    style = {"reproduced": "green", "contradicted": "red"}.get(finding.outcome, "")
    return f"{finding.outcome}: {finding.claim} ({finding.here}); {finding.source}", style


def _entry(line: Mapping[str, Any], column: Column) -> str:
    """An entry in little room: a difference with its margin, a verdict in a word."""
    if column.key == "verdict":
        return text(line, column).replace(HOLDS, HOLDS.strip()).partition(" ")[0]
    if column.key != "delta_vs_random" or column.limits is None or math.isnan(line[column.limits[1]]):
        return text(line, column)
    return f"{text(line, column)} ±{number(line[column.limits[1]] - line[column.key], LOSS_DIGITS)}"


def _style(line: Mapping[str, Any], column: Column) -> str:
    return _STYLES.get(str(line["verdict"]), "dim") if column.key == "verdict" else ""


def _text(text: str, style: str = "") -> Text:
    """Text as it is: neither rich's markup nor a terminal's control codes in it take effect."""
    return Text("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text), style)
