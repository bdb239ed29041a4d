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

_WIDE: Final = 1000
_SHORT: Final = 20


def note(text: str) -> None:
    """A line on stderr."""
    click.echo(printable(text), err=True)


def printable(text: str) -> str:
    """The text without control codes: a plugin's name or message must not move the terminal's cursor."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in text)


def print_json(document: Any) -> None:
    """A result for programs. A figure that is not a number is null."""
    click.echo(json.dumps(_plain(document), indent=2, ensure_ascii=False, allow_nan=False, default=str))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A result in columns, without a heading where they have no names.

    On a terminal the columns with long entries are the ones that wrap. Where there is no room for them, the lines are
    left as they are, and the terminal breaks them: nothing is ever cut off.
    """
    from rich.cells import cell_len

    lines = [list(map(printable, row)) for row in rows]
    widths = [max(map(cell_len, entries)) for entries in zip(columns, *lines, strict=True)]
    if sys.stdout.isatty():
        _print_wrapped(columns, lines, widths)
        return
    for line in [list(columns), *lines] if any(columns) else lines:
        padded = (entry + " " * (width - cell_len(entry)) for entry, width in zip(line, widths, strict=True))
        click.echo("  ".join(padded).rstrip())


def _print_wrapped(columns: Sequence[str], lines: Sequence[Sequence[str]], widths: Sequence[int]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", show_header=any(columns))
    for column, width in zip(columns, widths, strict=True):
        table.add_column(column, overflow="fold", no_wrap=width <= _SHORT)
    for line in lines:
        table.add_row(*map(Text, line))
    print_renderable(table, at_least=sum(min(width, _SHORT) + 2 for width in widths))


def print_renderable(renderable: RenderableType, at_least: int = 0) -> None:
    """A result that rich lays out, for the terminal's width if that is `at_least` so much."""
    from rich.console import Console

    if sys.stdout.isatty():
        console = Console(highlight=False)
        if console.width < at_least:
            console = Console(highlight=False, width=_WIDE)
        console.print(renderable)
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


def size(count: float) -> str:
    """An amount of bytes: `123 B`, `4.5 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
