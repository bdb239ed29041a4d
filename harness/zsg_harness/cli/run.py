"""`run`: run what is missing of a matrix, and show the leaderboard."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from zsg_harness.cli import SOME_FAILED, Interrupted
from zsg_harness.cli.choosing import choosing_options
from zsg_harness.cli.how import how_options
from zsg_harness.cli.options import json_option, out_option, plain_option, quiet_option, store_option
from zsg_harness.cli.output import counted, duration, note, print_json, print_renderable
from zsg_harness.cli.selection import Selection, selection_options

if TYPE_CHECKING:
    from zsg_harness.matrix.load import LoadedMatrix
    from zsg_harness.plan.decide import Wanted
    from zsg_harness.runner import RunOptions, RunSummary


@click.command()
@selection_options
@store_option
@how_options
@click.option("--in-process", is_flag=True, help="Run the cells in this process, one by one, for a debugger.")
@choosing_options
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    metavar="N",
    help="Run only the first so many of the cells that are to be run.",
)
@click.option("--fail-fast", is_flag=True, help="Stop at the first failure.")
@out_option
@json_option
@quiet_option
@plain_option
def run(
    selection: Selection,
    store: str,
    how: dict[str, Any],
    in_process: bool,
    wanted: Wanted,
    limit: int | None,
    fail_fast: bool,
    out: Path | None,
    as_json: bool,
    quiet: bool,
    plain: bool,
) -> None:
    """Run what is missing of a matrix, and write its leaderboard.

    A cell that is already in the store is not run again; one that failed before is, beside the new ones. Ctrl-C lets
    running cells save their state, a second one ends them at once; either way what is done is kept, and the same
    command goes on from there. Several matrices are run one after the other, and cells that they share once.
    """
    from zsg_harness.reports.console import terminal_table
    from zsg_harness.runner import RunOptions

    if selection.time is not None:
        raise click.UsageError("a length of time as --budget is for 'plan'; here it is a number of examples")
    matrices = selection.load()
    several = len(matrices) > 1
    if several:
        _check(matrices)
    documents, failed = [], False
    for loaded in matrices:
        name = loaded.matrix.matrix.name
        folder = out / name if out is not None and several else out
        summary = _run(loaded, store, RunOptions(how, in_process, wanted, limit, fail_fast, folder), quiet, plain)
        if as_json:
            documents.append(_document(summary, name, store))
        else:
            print_renderable(terminal_table(summary.leaderboard))
        if not quiet:
            note(f"leaderboard: {summary.folder}/index.html")
        failed = failed or bool(summary.failed)
        if summary.stopped:
            break
    if as_json:
        print_json(documents if several else documents[0])
    if failed:
        raise click.exceptions.Exit(SOME_FAILED)


def _check(matrices: Sequence[LoadedMatrix]) -> None:
    """See that every matrix can be planned, before the first of them is run.

    Raises:
        ZsgError: One cannot.
    """
    from zsg_harness.plan.build import build_plan
    from zsg_registry import Registry

    for loaded in matrices:
        build_plan(loaded, Registry())


def _run(loaded: LoadedMatrix, store: str, options: RunOptions, quiet: bool, plain: bool) -> RunSummary:
    from zsg_harness.cli.watch import watch
    from zsg_harness.runner import run_matrix
    from zsg_harness.store.store import Store

    started = time.monotonic()
    try:
        with watch(loaded.matrix.matrix.name, options.limit, quiet=quiet, plain=plain) as listener:
            summary = run_matrix(loaded, Store(store), options, listener)
    except KeyboardInterrupt:
        kept = f"what was done is kept in {store}"
        raise Interrupted(f"interrupted: {kept}; the same command goes on from there") from None
    if not quiet:
        _note_summary(summary, duration(time.monotonic() - started))
    return summary


def _note_summary(summary: RunSummary, took: str) -> None:
    """What came of the run; the leaderboard lists the reasons of failures below its tables."""
    executed = Counter(outcome.state for outcome in summary.outcomes)
    before = Counter(cell.state for cell in summary.cells)
    totals = {
        "finished": executed["finished"],
        "failed": executed["failed"],
        "skipped": executed["skipped"] + before["skipped"],
        "done before": before["done"],
        "left to run": before["run"] - executed.total(),
    }
    note(f"{counted(totals)} · {took}{' · stopped at the first failure' if summary.stopped else ''}")


def _document(summary: RunSummary, name: str, store: str) -> dict[str, Any]:
    from zsg_harness.reports.document import document

    outcomes = {outcome.cell_id: outcome for outcome in summary.outcomes}
    cells = []
    for cell in summary.cells:
        outcome = outcomes.get(cell.cell_id)
        cells.append(
            {
                "cell_id": cell.cell_id,
                **cell.labels.model_dump(),
                "seeds": list(cell.seed_names),
                "state": outcome.state if outcome else cell.state,
                "reason": outcome.reason if outcome else cell.reason,
                "seconds": outcome.seconds if outcome else None,
                "scores": outcome.scores if outcome else None,
            }
        )
    return {
        "matrix": name,
        "store": store,
        "folder": summary.folder,
        "stopped": summary.stopped,
        "totals": Counter(cell["state"] for cell in cells),
        "cells": cells,
        "leaderboard": document(summary.leaderboard),
    }
