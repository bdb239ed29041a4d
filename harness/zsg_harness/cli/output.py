"""Results go to stdout, notes to stderr. A table in a pipe is as wide as it needs to be."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import click

if TYPE_CHECKING:
    from rich.console import RenderableType

_WIDE: Final = 240


def note(text: str) -> None:
    """A line on stderr."""
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """The text without control codes: a plugin's name or message must not move the terminal's cursor."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def print_json(document: Any) -> None:
    """A result for programs. A figure that is not a number is null."""
    click.echo(json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A result in columns, without a heading where they have no names. A long entry is wrapped, never cut."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(entry)) for entry in row))
    print_renderable(table)


def print_renderable(renderable: RenderableType) -> None:
    """A result that rich lays out."""
    from rich.console import Console

    if sys.stdout.isatty():
        Console(highlight=False).print(renderable)
        return
    console = Console(width=_WIDE, highlight=False, color_system=None, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())


def counted(states: Mapping[str, int]) -> str:
    """Totals as people write them: `12 to run, 6 done`."""
    words = {"run": "to run"}
    return ", ".join(f"{count} {words.get(state, state)}" for state, count in states.items() if count) or "none"


def duration(seconds: float) -> str:
    """A length of time: `12.3 s`, `4 min 05 s`, `2 h 03 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
