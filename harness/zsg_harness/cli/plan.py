"""`plan`: what would run and why, and what it would take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click

from zsg_harness.cli.choosing import choosing_options
from zsg_harness.cli.options import json_option, store_option
from zsg_harness.cli.output import counted, duration, note, print_json, print_table
from zsg_harness.cli.selection import Selection, selection_options

if TYPE_CHECKING:
    from zsg_harness.plan.build import Plan
    from zsg_harness.plan.cell import Cell
    from zsg_harness.plan.decide import Wanted
    from zsg_harness.plan.estimate import Estimate
    from zsg_harness.plan.forecast import Forecast
    from zsg_harness.plan.shared import SharedWork

_ID_DIGITS: Final = 8  # enough for `show`, which takes the beginning of an id


@click.command()
@selection_options
@store_option
@choosing_options
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Cells that would run side by side [default: as in run]."
)
@click.option(
    "--pilot",
    is_flag=True,
    help="Where no finished cell tells how long it takes: load data and model, and time a few steps and an evaluation.",
)
@json_option
def plan(selection: Selection, store: str, wanted: Wanted, workers: int | None, pilot: bool, as_json: bool) -> None:
    """Show what would run, why, and what it would take; writes nothing, and without --pilot trains nothing.

    Times, tokens and sizes are those of finished cells of the store that are alike. With a length of time as --budget,
    such as 2h, it says which cells fit in it. `run` with the same options does what this shows, in this order.
    """
    from zsg_harness.plan.build import build_plan
    from zsg_registry import Registry

    plans = [build_plan(loaded, Registry()) for loaded in selection.load()]
    documents = []
    for planned in plans:
        cells, forecast = _foresee(planned, store, wanted, workers, pilot)
        totals: Counter[str] = Counter(cell.state for cell in cells)
        for warning in planned.warnings:
            note(f"warning: {warning}")
        name = planned.loaded.matrix.matrix.name
        if as_json:
            about = {"matrix": name, "store": store, "order": wanted.order, "totals": totals}
            documents.append({**about, "warnings": planned.warnings, **document(forecast, selection.time)})
            continue
        _print_cells(forecast, selection.time)
        _print_shared(forecast)
        for line in _outlook(forecast, selection.time):
            click.echo(line)
        note(f"{name}: {_cells(len(cells))}: {counted(totals)}")
    if as_json:
        print_json(documents if len(plans) > 1 else documents[0])


def _foresee(
    planned: Plan, store: str, wanted: Wanted, workers: int | None, pilot: bool
) -> tuple[Sequence[Cell], Forecast]:
    """What would be run, and what it would take."""
    from zsg_harness.plan.decide import decide
    from zsg_harness.plan.forecast import foresee
    from zsg_harness.store.store import Store

    place = Store(store)
    cells = decide(planned, place, wanted)
    run = planned.loaded.matrix.run
    if workers is not None:
        run = run.model_copy(update={"workers": workers})
    return cells, foresee(planned, cells, place, run, note if pilot else None)


def document(forecast: Forecast, time: float | None) -> dict[str, Any]:
    """What would run, for programs.

    Args:
        forecast: The cells, and what they take.
        time: Seconds in which they are to fit, if any.
    """
    from dataclasses import asdict

    told = zip(forecast.cells, forecast.estimates, forecast.ends, strict=True)
    left = len(forecast.known) + forecast.unknown
    return {
        "workers": forecast.workers,
        "estimate": {
            "cells": len(forecast.known),
            "unknown": forecast.unknown,
            "tokens": forecast.tokens,
            "seconds": forecast.seconds,
            "bytes": forecast.bytes,
            "basis": forecast.bases,
        },
        "budget": None
        if time is None
        else {"seconds": time, "fit": forecast.fit(time), "left": left - forecast.fit(time)},
        "shared": [asdict(work) for work in forecast.shared],
        "cells": [
            {
                **describe_cell(cell),
                "estimate": None if estimate is None else asdict(estimate),
                "ends_at": end,
                "fits": None if time is None or end is None else end <= time,
            }
            for cell, estimate, end in told
        ],
    }


def describe_cell(cell: Cell) -> dict[str, Any]:
    """A planned cell, for programs."""
    return {
        "cell_id": cell.cell_id,
        "state": cell.state,
        "reason": cell.reason,
        "cause": cell.cause,
        "resumes_at": cell.resumes_at,
        **cell.labels.model_dump(),
        "seeds": list(cell.seed_names),
        "access": str(cell.access),
        "training_id": cell.training_id,
        "block": cell.block,
    }


class _Line(NamedTuple):
    """What a line of the table is about."""

    cell: Cell
    estimate: Estimate | None
    end: float | None


_Text = Callable[[_Line], str]

_AXES: Final[dict[str, _Text]] = {
    "dataset": lambda line: line.cell.labels.dataset,
    "embedder": lambda line: line.cell.labels.embedder or "–",
    "model": lambda line: line.cell.labels.model,
    "budget": lambda line: line.cell.labels.budget,
}


def _print_cells(forecast: Forecast, time: float | None) -> None:
    """The table, without the axes that have one value; that is said above it."""
    lines = [_Line(*each) for each in zip(forecast.cells, forecast.estimates, forecast.ends, strict=True)]
    values = {axis: {text(line) for line in lines} for axis, text in _AXES.items()}
    same = [f"{axis} {value}" for axis, (value, *others) in values.items() if not others and value != "–"]
    click.echo(f"all cells: {', '.join(same)}\n" if same else "", nl=False)
    columns: dict[str, _Text] = {"state": lambda line: line.cell.state}
    columns["arrangement"] = lambda line: line.cell.labels.arrangement
    columns |= {axis: text for axis, text in _AXES.items() if len(values[axis]) > 1}
    columns["seeds"] = lambda line: " ".join(line.cell.seed_names)
    if forecast.known:
        columns["tokens"] = lambda line: _or_unknown(line, lambda estimate: f"{estimate.tokens:,}")
        columns["time"] = lambda line: _or_unknown(line, lambda estimate: duration(estimate.seconds))
    if time is not None:
        columns["fits"] = lambda line: "" if line.end is None else "yes" if line.end <= time else "no"
    columns["cell"] = lambda line: line.cell.cell_id[:_ID_DIGITS]
    columns["why"] = lambda line: line.cell.reason or ""
    print_table(list(columns), ([text(line) for text in columns.values()] for line in lines))


def _or_unknown(line: _Line, text: Callable[[Estimate], str]) -> str:
    from zsg_harness.plan.forecast import runs_here

    if line.estimate is not None:
        return text(line.estimate)
    return "unknown" if runs_here(line.cell) else ""


def _print_shared(forecast: Forecast) -> None:
    if forecast.shared:
        click.echo()
        columns = ("computed once", "of", "for", "parts", "in the cache")
        print_table(columns, (_shared_row(work) for work in forecast.shared))


def _shared_row(work: SharedWork) -> list[str]:
    return [work.what, work.of, _cells(work.cells), str(work.parts), str(work.cached) if work.cached else "–"]


def _outlook(forecast: Forecast, time: float | None) -> Iterator[str]:
    """What all of it takes, and what this is based on."""
    from rich.filesize import decimal

    side_by_side = f"{forecast.workers} worker{'s' if forecast.workers != 1 else ''}"
    left = len(forecast.known) + forecast.unknown
    if left:
        yield ""
    if forecast.known:
        disk = "" if forecast.bytes is None else f", {decimal(forecast.bytes)} on disk"
        some = f"{_cells(len(forecast.known))}: " if forecast.unknown else ""
        yield f"{some}{forecast.tokens:,} tokens, {duration(forecast.seconds)} with {side_by_side}{disk}"
        yield f"estimated from {'; '.join(forecast.bases)}"
        if forecast.assumed:
            yield "a run has a worker for each device: --workers N says how many there will be"
    if forecast.unknown:
        why = "the store has no finished cell like them; --pilot times a few steps"
        yield f"time unknown for {_cells(forecast.unknown)}: {why}"
    if time is not None:
        fit = forecast.fit(time)
        yield f"in {duration(time)} with {side_by_side}: {fit} of {_cells(left)} fit, {left - fit} are left"


def _cells(count: int) -> str:
    return f"{count} cell{'s' if count != 1 else ''}"
