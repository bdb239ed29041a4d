"""Choosing cells: `arrangement=tma*,seed=0`."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Sequence
from typing import Final

from zsg_harness.plan.cell import Cell
from zsg_registry import ZsgError, did_you_mean

_AXES: Final = ("arrangement", "dataset", "embedder", "model", "budget", "seed")


def choose(cells: Iterable[Cell], filters: Sequence[str], excludes: Sequence[str] = ()) -> list[Cell]:
    """The cells that match every filter and no exclusion.

    Either is `axis=pattern`, several joined by commas that must all hold; the pattern is a glob over the label, or
    over its name alone, without parameters and transforms.

    Raises:
        ZsgError: One is malformed, an exclusion matches nothing, or nothing is left.
    """
    wanted = [condition for text in filters for condition in _conditions(text, "--filter")]
    chosen = [cell for cell in cells if _fits(cell, wanted)]
    if not chosen:
        raise ZsgError(f"no cell matches --filter {' '.join(filters)}")
    left = chosen
    for text in excludes:
        unwanted = _conditions(text, "--exclude")
        if not any(_fits(cell, unwanted) for cell in chosen):
            raise ZsgError(f"no cell matches --exclude {text}")
        left = [cell for cell in left if not _fits(cell, unwanted)]
    if not left:
        raise ZsgError(f"--exclude {' '.join(excludes)} leaves no cell")
    return left


def _conditions(text: str, option: str) -> list[tuple[str, str]]:
    return [_parse(part, option) for part in _split(text)]


def _fits(cell: Cell, conditions: Sequence[tuple[str, str]]) -> bool:
    return all(_matches(cell, axis, pattern) for axis, pattern in conditions)


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


def _parse(part: str, option: str) -> tuple[str, str]:
    axis, equals, pattern = part.partition("=")
    axis = axis.strip()
    if not equals or axis not in _AXES:
        raise ZsgError(f"{option} {part!r} is not axis=pattern{did_you_mean(axis, _AXES)}")
    return axis, pattern.strip()


def _matches(cell: Cell, axis: str, pattern: str) -> bool:
    if axis == "seed":
        return any(fnmatch.fnmatchcase(seed, pattern) for seed in cell.seed_names)
    label = getattr(cell.labels, axis)
    if label is None:
        return pattern == "none"
    # Brackets are part of a reference, not a glob's set of characters.
    escaped = pattern.replace("[", "[[]")
    return fnmatch.fnmatchcase(label, escaped) or fnmatch.fnmatchcase(label.partition("[")[0].strip(), escaped)
