"""What the cells of a report were run with, as far as it is the same in all of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from zsg_harness.reports.finished import FinishedCell

_SHOWN: Final = 3


def environment(cells: Iterable[FinishedCell]) -> dict[str, list[str]]:
    """The distinct values of every entry of the cells' provenance, nested entries under dotted names.

    An entry with more than one value says that the cells were not run alike.
    """
    found: dict[str, dict[str, None]] = {}
    for cell in cells:
        for name, value in _flat(cell.status.provenance, ""):
            found.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in sorted(found.items())}


def environment_text(values: list[str]) -> str:
    """One entry on a line: its value, or the first few of several."""
    more = f"; and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return "; ".join(values[:_SHOWN]) + more


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif value is not None:
        yield name, value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
