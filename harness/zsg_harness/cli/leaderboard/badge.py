"""`leaderboard badge`: how an arrangement did, as a picture for a README."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from zsg_harness.cli.options import matrix_option, store_option
from zsg_harness.cli.output import note

_FILE: Final = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("arrangement")
@store_option
@matrix_option
@click.option(
    "--from",
    "report",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="A published leaderboard.json instead of a store.",
)
@click.option("--dataset", metavar="LABEL", help="Where it has several rows: on which data set,")
@click.option("--model", metavar="LABEL", help="with which model,")
@click.option("--budget", metavar="LABEL", help="with which budget,")
@click.option("--embedder", metavar="LABEL", help="and with which embedder.")
@click.option("--out", type=_FILE, metavar="FILE.svg", help="The file to write [default: stdout].")
def badge(
    arrangement: str, store: str, matrix: str | None, report: Path | None, out: Path | None, **place: str | None
) -> None:  # fmt: skip
    """Draw a badge of an ARRANGEMENT: its rank, its difference to random, and the verdict on it."""
    from zsg_harness.publishing.badge import badge as draw
    from zsg_harness.publishing.badge import choose_row
    from zsg_harness.store.atomic import write_text

    rows = _of_store(store, matrix) if report is None else _of_report(report)
    row = choose_row(rows, arrangement, {axis: label for axis, label in place.items() if label is not None})
    picture = draw(rows, row)
    if out is None:
        click.echo(picture)
    else:
        write_text(out, picture)
        note(f"badge: {out}")


def _of_store(store: str, matrix: str | None) -> list[dict[str, Any]]:
    from zsg_harness.reports.board import assemble
    from zsg_harness.reports.collect import collect
    from zsg_harness.reports.table import plain_records
    from zsg_harness.store.store import Store

    return plain_records(assemble(collect(Store(store), matrix)).rows)


def _of_report(report: Path) -> list[dict[str, Any]]:
    from pydantic import ValidationError

    from zsg_harness.reports.schema import LeaderboardDocument
    from zsg_registry import ZsgError

    try:
        document = LeaderboardDocument.model_validate_json(report.read_bytes())
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))
        raise ZsgError(f"{report} is not a leaderboard.json: {where}: {fault['msg']}") from None
    return [row.model_dump() for row in document.rows]
