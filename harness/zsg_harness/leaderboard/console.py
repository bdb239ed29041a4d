"""The leaderboard in a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from zsg_harness.leaderboard.formatting import Column, interval, text

if TYPE_CHECKING:
    from zsg_harness.leaderboard.board import Leaderboard, Section

_LEFT_OUT: Final = frozenset({"access"})
_TEXT_COLUMNS: Final = frozenset({"arrangement", "embedder", "verdict"})
_STYLES: Final = {"better": "green", "worse": "red", "tie": "", "reference": "dim"}


def terminal_table(board: Leaderboard) -> RenderableType:
    """A table for each section, and the failures below."""
    parts: list[RenderableType] = [part for section in board.sections for part in _section(section)]
    if not board.sections:
        parts.append(_text("No cell has finished.", "bold"))
    parts.append(_text(board.state, "dim"))
    for cell in board.reasons:
        labels = cell.labels
        parts.append(_text(f"{cell.state}: {labels.arrangement} on {labels.dataset}: {cell.reason}", "red"))
    return Group(*parts)


def _section(section: Section) -> list[RenderableType]:
    shown = [column for column in section.columns if not column.secondary and column.key not in _LEFT_OUT]
    table = Table(title=_text(section.title, "bold"), title_justify="left", box=None, pad_edge=False)
    for column in shown:
        is_text = column.key in _TEXT_COLUMNS
        table.add_column(_text(column.heading), justify="left" if is_text else "right", no_wrap=not is_text)
    for line in section.records:
        entries = [f"{text(line, column)} {interval(line, column)}".rstrip() for column in shown]
        styles = [_style(line, column) for column in shown]
        table.add_row(*map(_text, entries, styles))
    return [table, Padding(_text(" ".join((section.headline, *section.notes)), "dim"), (0, 0, 1, 0))]


def _style(line: Mapping[str, Any], column: Column) -> str:
    return _STYLES.get(str(line["verdict"]), "dim") if column.key == "verdict" else ""


def _text(text: str, style: str = "") -> Text:
    """Text as it is: neither rich's markup nor a terminal's control codes in it take effect."""
    return Text("".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text), style)
