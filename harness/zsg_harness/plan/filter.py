"""Choosing cells: `arrangement=tma*,seed=0`."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from typing import Final

from zsg_harness.plan.cell import Cell
from zsg_registry import ZsgError, did_you_mean

_AXES: Final = ("arrangement", "dataset", "embedder", "model", "budget", "seed")


def choose(cells: Iterable[Cell], filters: Iterable[str]) -> list[Cell]:
    """The cells that match every filter.

    A filter is `axis=pattern`, several joined by commas; the pattern is a glob over the label, or over its name
    alone, without parameters and transforms.

    Raises:
        ZsgError: A filter is malformed, or nothing is left.
    """
    conditions = [_parse(part) for text in filters for part in _split(text)]
    chosen = [cell for cell in cells if all(_matches(cell, axis, pattern) for axis, pattern in conditions)]
    if not chosen:
        raise ZsgError(f"no cell matches --filter {' '.join(filters)}")
    return chosen


def _split(text: str) -> list[str]:
    """Split at the commas that are not inside the brackets of a reference."""
    parts, depth = [""], 0
    for character in text:
        depth += (character == "[") - (character == "]")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return parts


def _parse(part: str) -> tuple[str, str]:
    axis, equals, pattern = part.partition("=")
    axis = axis.strip()
    if not equals or axis not in _AXES:
        raise ZsgError(f"--filter {part!r} is not axis=pattern{did_you_mean(axis, _AXES)}")
    return axis, pattern.strip()


def _matches(cell: Cell, axis: str, pattern: str) -> bool:
    if axis == "seed":
        return any(fnmatch.fnmatchcase(seed, pattern) for seed in cell.user_seeds)
    label = getattr(cell.labels, axis)
    if label is None:
        return pattern == "none"
    # Brackets are part of a reference, not a glob's set of characters.
    escaped = pattern.replace("[", "[[]")
    return fnmatch.fnmatchcase(label, escaped) or fnmatch.fnmatchcase(label.partition("[")[0].strip(), escaped)
