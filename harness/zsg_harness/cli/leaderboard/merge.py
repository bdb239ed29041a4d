"""`leaderboard merge`: one leaderboard of several stores."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from zsg_harness.cli import SOME_FAILED
from zsg_harness.cli.options import OutputFolder, StorePlace, json_option, matrix_option, quiet_option
from zsg_harness.cli.output import note, print_json, print_renderable, printable


@click.command()
@click.argument("stores", metavar="STORE...", type=StorePlace(), nargs=-1, required=True)
@click.option("--out", required=True, type=OutputFolder(), metavar="DIR", help="Where the reports go.")
@matrix_option
@json_option
@quiet_option
def merge(stores: Sequence[str], out: Path, matrix: str | None, as_json: bool, quiet: bool) -> None:
    """Write one leaderboard of several stores, none of which is changed.

    A column and notes say which store gave which cells. Where two have other results of one cell, those of the store
    that is named first count, and the conflict is reported; the exit code is then 1. To bring the cells themselves
    together use 'store merge'.
    """
    from zsg_harness.hooks.columns import plugin_columns
    from zsg_harness.publishing.combine import combine, short_names
    from zsg_harness.reports.console import terminal_table
    from zsg_harness.reports.document import document
    from zsg_harness.reports.write import write
    from zsg_harness.store.places import open_files
    from zsg_harness.store.store import Store

    opened = {name: Store(store) for name, store in zip(short_names(stores), stores, strict=True)}
    combined = combine(opened, matrix)
    with plugin_columns(list(opened.values()), matrix, note) as added:
        board = combined.board(added)
    write(board, open_files(out))
    if as_json:
        conflicts = [{"key": each.key, "source": each.source, "differs": each.differs} for each in combined.conflicts]
        print_json({"folder": str(out), "conflicts": conflicts, **document(board)})
    else:
        print_renderable(terminal_table(board))
        for conflict in combined.conflicts:
            click.echo(printable(f"conflict: {conflict}"))
    if not quiet:
        note(f"leaderboard: {out}/index.html ({len(stores)} stores, {len(combined.conflicts)} conflicts)")
    if combined.conflicts:
        raise click.exceptions.Exit(SOME_FAILED)
