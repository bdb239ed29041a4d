"""Columns that hook plugins add to the leaderboard, as far as they are fit to be shown."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from zsg_harness.hooks.plugins import Warn, plugins_with_columns
from zsg_harness.hooks.queues import HookQueues
from zsg_registry import Registry

if TYPE_CHECKING:
    from zsg_harness.reports.board import ColumnSource
    from zsg_harness.store.store import Store

Values = list[Any]

_HOOK: Final = "zsg_leaderboard_columns"


@contextmanager
def plugin_columns(stores: Sequence[Store], matrix: str | None, warn: Warn) -> Iterator[ColumnSource | None]:
    """What the installed hook plugins add to a leaderboard of some stores, without a run."""
    plugins = plugins_with_columns(Registry(), stores, matrix, warn)
    with HookQueues(plugins, warn) as queues:
        yield columns_of(queues, warn)


def columns_of(queues: HookQueues, warn: Warn) -> ColumnSource | None:
    """What the hook plugins add; None if none of them does. A column that is not fit is left out, with a warning."""
    if not queues.have(_HOOK):
        return None

    def added(rows: Sequence[Mapping[str, Any]]) -> dict[str, Values]:
        found: dict[str, Values] = {}
        if not rows:
            return found
        answers = queues.ask(_HOOK, "results", lambda: [dict(row) for row in rows])
        for plugin, answer in answers.items():
            try:
                columns = {} if answer is None else dict(answer)
            except (TypeError, ValueError):
                warn(f"hooks {plugin!r}: zsg_leaderboard_columns returned {type(answer).__name__}, not columns by name")
                continue
            for name, values in columns.items():
                try:
                    found[_name(name, [*rows[0], *found])] = _values(values, len(rows))
                except Exception as error:  # of the plugin's own types too
                    warn(f"hooks {plugin!r}: the leaderboard column {name!r} is left out: {error}")
        return found

    return added


def _name(name: Any, taken: Sequence[str]) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ValueError("its name is not a line of text")
    if name in taken:
        raise ValueError("there is a column of that name")
    return name


def _values(values: Any, rows: int) -> Values:
    """The values as Python's own text and numbers."""
    if isinstance(values, str | bytes | Mapping):
        raise TypeError(f"it is {type(values).__name__}, not a value for each row")
    plain = [value.item() if hasattr(value, "item") else value for value in values]
    if len(plain) != rows:
        raise ValueError(f"it has {len(plain)} values for {rows} rows")
    for value in plain:
        if not isinstance(value, str | bool | int | float | None):
            raise TypeError(f"it holds {type(value).__name__}, not text or a number")
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"it holds {value}; None says that there is no value")
    if len({isinstance(value, str) for value in plain if value is not None}) > 1:
        raise TypeError("it mixes text and numbers")
    return plain
