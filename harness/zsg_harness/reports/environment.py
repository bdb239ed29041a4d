"""What the cells of a report were run with, and where cells that are compared were run with something else."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from zsg_harness.reports.finished import FinishedCell
from zsg_harness.reports.formatting import count
from zsg_harness.reports.places import without_folders

_SHOWN: Final = 3
_DEVICE: Final = "device_name"
_OWN: Final = ("plugins.",)
"""Entries that differ because the cells do."""


def environment(cells: Iterable[FinishedCell]) -> dict[str, list[str]]:
    """The distinct values of every entry of the cells' provenance, nested entries under dotted names.

    An entry with more than one value says that the cells were not run alike.
    """
    found: dict[str, dict[str, None]] = {}
    for _, provenance in _counted(cells):
        for name, value in _entries(provenance):
            found.setdefault(name, {})[value] = None
    return {name: list(values) for name, values in sorted(found.items())}


def differences(cells: Iterable[FinishedCell]) -> dict[str, dict[str, int]]:
    """The entries that differ between cells of one block, which are compared with each other.

    Returns:
        Of each, how many cells of such blocks have which value. Where an entry is missing, nothing is known of it.
    """
    blocks: dict[str, dict[str, dict[str, int]]] = {}
    for (block, provenance), cells_with_it in _counted(cells).items():
        entries = blocks.setdefault(block, {})
        for name, value in _entries(provenance):
            values = entries.setdefault(name, {})
            values[value] = values.get(value, 0) + cells_with_it
    found: dict[str, dict[str, int]] = {}
    for entries in blocks.values():
        for name, values in entries.items():
            if len(values) > 1 and not name.startswith(_OWN):
                total = found.setdefault(name, {})
                for value, number in values.items():
                    total[value] = total.get(value, 0) + number
    return dict(sorted(found.items()))


def difference_notes(cells: Iterable[FinishedCell]) -> Iterator[str]:
    """What to know before cells are compared that were not run alike."""
    found = differences(cells)
    devices = found.pop(_DEVICE, None)
    if devices:
        named = ", ".join(f"{count(cells, 'cell')} on {device}" for device, cells in devices.items())
        yield f"Cells that are compared ran on different devices, whose last digits differ: {named}."
    code = [name for name in found if name.startswith(("harness.", "packages.", "python"))]
    if code:
        yield f"Cells that are compared ran with different versions: {environment_text(code)}."


def counted_values(values: Mapping[str, int]) -> list[str]:
    """The values of an entry, each with the number of cells that have it."""
    return [f"{value} ({count(cells, 'cell')})" for value, cells in values.items()]


def environment_text(values: list[str]) -> str:
    """One entry on a line: its value, or the first few of several."""
    more = f"; and {len(values) - _SHOWN} more" if len(values) > _SHOWN else ""
    return "; ".join(values[:_SHOWN]) + more


def _counted(cells: Iterable[FinishedCell]) -> Counter[tuple[str, str]]:
    """How many cells there are of each block and provenance, as JSON: most cells were run alike."""
    return Counter((cell.record.block, json.dumps(cell.status.provenance)) for cell in cells)


def _entries(provenance: str) -> Iterator[tuple[str, str]]:
    """A cell's provenance, flat. Its training settings are not among it: they are part of what the cell is."""
    plain = json.loads(provenance)
    arguments = plain.pop("arguments", {})
    if run := arguments.get("run"):
        plain["run"] = {**run.get("given", {}), **run.get("defaulted", {})}
    return _flat(plain, "")


def _flat(value: Any, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}" if name else str(key))
    elif value is not None:
        yield name, without_folders(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
