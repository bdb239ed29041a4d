"""`score`: add a metric to finished cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from zsg_harness.cli import SOME_FAILED
from zsg_harness.cli.options import (
    complete_components,
    filter_option,
    json_option,
    quiet_option,
    store_option,
)
from zsg_harness.cli.output import note, print_json

if TYPE_CHECKING:
    from zsg_harness.matrix.expand import Choice
    from zsg_harness.plan.cell import Cell
    from zsg_harness.store.store import Store


@click.command()
@store_option
@click.option(
    "--metric",
    "reference",
    required=True,
    metavar="REF",
    shell_complete=complete_components("metric"),
    help="The metric, with its parameters if it has any.",
)
@filter_option
@json_option
@quiet_option
def score(store: str, reference: str, filters: Sequence[str], as_json: bool, quiet: bool) -> None:
    """Add a metric to finished cells; trains nothing.

    Every finished cell that lacks the metric is scored from the losses and answers it stored.
    """
    from zsg_harness.cli.stored import open_store, stored_cells
    from zsg_harness.plan.filter import choose

    choice = _metric(reference)
    opened = open_store(store)
    finished = opened.done_cells()
    cells = [cell for cell in stored_cells(opened) if cell.cell_id in finished]
    scored = _Scored()
    for cell in choose(cells, filters) if filters else cells:
        _score(opened, cell, choice, scored)
    if as_json:
        print_json({"metric": choice.label, "scored": scored.new, "had_it": scored.before, "failed": scored.failed})
    else:
        for cell_id in scored.new:
            click.echo(cell_id)
    if not quiet:
        note(f"{choice.label}: {len(scored.new)} scored, {len(scored.before)} had it, {len(scored.failed)} failed")
        if scored.new:
            note(f"to see it in the reports: zsg-harness leaderboard --store {store}")
    if scored.failed:
        raise click.exceptions.Exit(SOME_FAILED)


@dataclass(slots=True)
class _Scored:
    """What came of each cell, by its id.

    Attributes:
        new: The metric was added.
        before: It was there already.
        failed: Why it could not be added.
    """

    new: list[str] = field(default_factory=list)
    before: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def _metric(reference: str) -> Choice:
    """The metric, if it can be added at all."""
    from zsg_harness.evaluation.rescore import can_be_added
    from zsg_harness.matrix.expand import Expander
    from zsg_registry import Metric, Registry, ZsgError

    (choice, *others) = Expander(Registry(), Path.cwd()).choices("metric", [reference])
    if others:
        raise ZsgError("--metric takes one metric, not '*'")
    metric = choice.components[0]
    assert isinstance(metric, Metric)
    if not can_be_added(metric):
        raise ZsgError(f"metric {choice.label!r} needs the model: it can only be scored while a cell runs")
    metric.check()
    return choice


def _score(store: Store, cell: Cell, choice: Choice, scored: _Scored) -> None:
    from zsg_harness.cli.progress import describe
    from zsg_harness.evaluation.rescore import missing_outputs, rescore
    from zsg_registry import Metric

    metric = choice.components[0]
    assert isinstance(metric, Metric)
    if not missing_outputs(store, cell.cell_id, metric):
        scored.before.append(cell.cell_id)
        return
    try:
        rescore(store, cell.cell_id, choice)
    except Exception as error:  # a metric's fault on one cell must not keep it from the others
        scored.failed[cell.cell_id] = reason = f"{type(error).__name__}: {error}"
        note(f"failed {describe(cell)}: {reason}")
    else:
        scored.new.append(cell.cell_id)
