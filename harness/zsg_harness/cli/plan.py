"""`plan`: what would run, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import click

from zsg_harness.cli.options import filter_option, json_option, store_option
from zsg_harness.cli.output import counted, note, print_json, print_table
from zsg_harness.cli.selection import Selection, selection_options

if TYPE_CHECKING:
    from zsg_harness.plan.cell import Cell

_COLUMNS: Final = (
    "state", "reason", "arrangement", "dataset", "embedder", "model", "budget", "seeds", "access", "cell",
)  # fmt: skip

_ID_DIGITS: Final = 12  # enough for `show`, which takes the beginning of an id


@click.command()
@selection_options
@store_option
@filter_option
@json_option
def plan(selection: Selection, store: str, filters: Sequence[str], as_json: bool) -> None:
    """Show what would run and why; runs nothing and writes nothing."""
    from zsg_harness.plan.build import build_plan
    from zsg_harness.plan.filter import choose
    from zsg_harness.runner import compare_with_store
    from zsg_harness.store.store import Store
    from zsg_registry import Registry

    planned = build_plan(selection.load(), Registry())
    cells = compare_with_store(choose(planned.cells, filters) if filters else planned.cells, Store(store))
    totals: Counter[str] = Counter(cell.state for cell in cells)
    for warning in planned.warnings:
        note(f"warning: {warning}")
    name = planned.loaded.matrix.matrix.name
    if as_json:
        listed = [describe_cell(cell) for cell in cells]
        print_json({"matrix": name, "store": store, "totals": totals, "warnings": planned.warnings, "cells": listed})
        return
    print_table(_COLUMNS, map(_row, cells))
    note(f"{name}: {len(cells)} {'cell' if len(cells) == 1 else 'cells'}: {counted(totals)}")


def describe_cell(cell: Cell) -> dict[str, Any]:
    """A planned cell, for programs."""
    return {
        "cell_id": cell.cell_id,
        "state": cell.state,
        "reason": cell.reason,
        **cell.labels.model_dump(),
        "seeds": list(cell.user_seeds),
        "access": str(cell.access),
        "training_id": cell.training_id,
        "block": cell.block,
    }


def _row(cell: Cell) -> list[str]:
    labels = cell.labels
    return [
        cell.state,
        cell.reason or "",
        labels.arrangement,
        labels.dataset,
        labels.embedder or "–",
        labels.model,
        labels.budget,
        " ".join(cell.user_seeds),
        str(cell.access),
        cell.cell_id[:_ID_DIGITS],
    ]
