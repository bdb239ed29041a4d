"""A cell runs as it was planned, or not at all: what changed meanwhile would be stored under an old identity."""

from __future__ import annotations

from pathlib import Path

from zsg_harness.cells.preparation import Bound
from zsg_harness.models.resolve import resolve_model
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.changes import changes, in_words
from zsg_registry import ZsgError


def check_as_planned(cell: Cell, bound: Bound) -> None:
    """See that components and model are what the plan says; the data is seen to where it is loaded.

    Raises:
        ZsgError: One of them is not.
    """
    embedder = None if bound.embedder is None else bound.embedder.identity
    arranged = {**cell.spec["arranged"], "arrangement": bound.arrangement.identity, "embedder": embedder}
    content = resolve_model(cell.model, Path(cell.base_dir)).content
    shared = {**cell.spec["shared"], "model": {**cell.spec["shared"]["model"], "content": content}}
    found = changes(cell.spec, {**cell.spec, "shared": shared, "arranged": arranged})
    if found:
        raise ZsgError(f"this is not what was planned: {in_words(found)}; the same command plans anew")
