"""`leaderboard verify`: run a sample of finished cells again."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from zsg_harness.cli import SOME_FAILED
from zsg_harness.cli.options import filter_option, json_option, quiet_option, store_option, trust_option
from zsg_harness.cli.output import counted, note, print_json, print_table

if TYPE_CHECKING:
    from zsg_harness.plan.cell import Cell
    from zsg_harness.publishing.rerun import Comparison

_TOLERANCE: Final = 0.01  # rerun.TOLERANCE, which is not imported for --help


@click.command()
@store_option
@filter_option
@click.option(
    "--sample",
    "size",
    type=click.IntRange(min=1),
    default=3,
    metavar="N",
    show_default=True,
    help="So many cells, drawn by chance.",
)
@click.option("--seed", type=int, default=0, metavar="N", help="Another seed draws other cells.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    default=_TOLERANCE,
    metavar="X",
    show_default=True,
    help="How far losses may lie apart, relative to the greater, on another machine.",
)
@click.option("--in-process", is_flag=True, help="Run in this process, one by one.")
@trust_option
@json_option
@quiet_option
def verify(
    store: str,
    filters: Sequence[str],
    size: int,
    seed: int,
    tolerance: float,
    in_process: bool,
    trust_remote_code: bool,
    as_json: bool,
    quiet: bool,
) -> None:  # fmt: skip
    """Run a sample of finished cells again, and compare the results.

    They are run into a temporary store, with nothing from the store's caches. On a machine, with packages and settings
    like those of the first time, order, receipt, losses and answers must be equal; else the order must be, and losses
    within the tolerance. The exit code is 1 if a cell differs or fails. To check a store's files use 'store verify'.
    """
    from zsg_harness.cli.stored import open_store
    from zsg_harness.publishing.rerun import rerun, sample

    opened = open_store(store)
    cells = sample(_finished(store, filters, trust_remote_code), size, seed)
    with tempfile.TemporaryDirectory(prefix="zsg-verify-") as folder:
        found = rerun(
            opened, cells, Path(folder), tolerance=tolerance, in_process=in_process,
            on_end=_silent if quiet else _tell,
        )  # fmt: skip
    if as_json:
        print_json({"store": store, "tolerance": tolerance, "cells": [_document(each) for each in found]})
    else:
        print_table(("cell", "", "furthest loss", "result", ""), map(_line, found))
    if not quiet:
        note(f"{store}: {len(found)} cells run again: {counted(Counter(each.found for each in found))}")
    if any(each.found in ("differs", "failed") for each in found):
        raise click.exceptions.Exit(SOME_FAILED)


def _finished(store: str, filters: Sequence[str], trusted: bool) -> list[Cell]:
    from zsg_harness.cli.stored import open_store, stored_cells
    from zsg_harness.plan.filter import choose
    from zsg_registry import ZsgError

    opened = open_store(store)
    done = opened.done_cells()
    cells = [cell for cell in stored_cells(opened, trust_remote_code=trusted) if cell.cell_id in done]
    if not cells:
        raise ZsgError(f"{store}: no cell has finished, so there is nothing to run again")
    return choose(cells, filters) if filters else cells


def _tell(comparison: Comparison) -> None:
    note(f"{comparison.cell.cell_id[:8]} {comparison.cell.labels}: {comparison.found}")


def _silent(comparison: Comparison) -> None:
    """The results say it all."""


def _line(each: Comparison) -> tuple[str, ...]:
    apart = "–" if each.furthest is None else f"{each.furthest:.1e}"
    return each.cell.cell_id[:8], str(each.cell.labels), apart, each.found, each.reason


def _document(each: Comparison) -> dict[str, Any]:
    return {
        "cell_id": each.cell.cell_id,
        **each.cell.labels.model_dump(),
        "found": each.found,
        "alike": each.alike,
        "furthest": each.furthest,
        "reason": each.reason,
    }
