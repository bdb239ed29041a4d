"""`leaderboard`: write the reports of a store."""

from __future__ import annotations

from pathlib import Path

import click

from zsg_harness.cli.options import json_option, out_option, quiet_option, store_option
from zsg_harness.cli.output import note, print_json, print_renderable


@click.command()
@store_option
@out_option
@click.option("--matrix", metavar="NAME", help="Only this matrix of the store [default: every cell].")
@json_option
@quiet_option
def leaderboard(store: str, out: Path | None, matrix: str | None, as_json: bool, quiet: bool) -> None:
    """Write the reports of a store.

    They are leaderboard.csv, scores.csv, scores.parquet, leaderboard.md, leaderboard.json and index.html.
    """
    from zsg_harness.hooks.columns import plugin_columns
    from zsg_harness.reports import build
    from zsg_harness.reports.document import document
    from zsg_harness.store.store import Store

    folder = str(out or f"{store}/leaderboards/{(matrix or 'all').replace('/', '-')}")
    opened = Store(store)
    with plugin_columns(opened, matrix, note) as added:
        board = build(opened, folder, matrix=matrix, added=added)
    if as_json:
        print_json({"folder": folder, **document(board)})
    else:
        print_renderable(board.table())
    if not quiet:
        note(f"leaderboard: {folder}/index.html")
