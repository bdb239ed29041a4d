"""`leaderboard`: the reports of a store, and what becomes of them."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from zsg_harness.cli.leaderboard.badge import badge
from zsg_harness.cli.leaderboard.merge import merge
from zsg_harness.cli.leaderboard.publish import publish
from zsg_harness.cli.leaderboard.schema import schema
from zsg_harness.cli.leaderboard.serve import serve
from zsg_harness.cli.leaderboard.verify import verify
from zsg_harness.cli.naming import NearestNameGroup
from zsg_harness.cli.options import figures_option, json_option, matrix_option, out_option, quiet_option, store_option
from zsg_harness.cli.output import note, print_json, print_renderable


@click.group(cls=NearestNameGroup, invoke_without_command=True)
@store_option
@out_option
@matrix_option
@figures_option
@json_option
@quiet_option
@click.pass_context
def leaderboard(
    context: click.Context,
    store: str,
    out: Path | None,
    matrix: str | None,
    figures: bool,
    as_json: bool,
    quiet: bool,
) -> None:
    """Write the reports of a store; or publish, merge, verify, serve them.

    Without a subcommand it writes leaderboard.csv, scores.csv, scores.parquet, leaderboard.md, leaderboard.tex,
    leaderboard.json and index.html, and with --figures also figures/*.svg and *.png.
    """
    if context.invoked_subcommand is None:
        _write(store, out, matrix, figures, as_json, quiet)
        return
    given = [name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE]
    if given:
        option = next(each for each in context.command.params if each.name == given[0]).opts[-1]
        raise click.UsageError(f"{option} belongs behind '{context.invoked_subcommand}'", context)


def _write(store: str, out: Path | None, matrix: str | None, figures: bool, as_json: bool, quiet: bool) -> None:
    from zsg_harness.hooks.columns import plugin_columns
    from zsg_harness.reports import build
    from zsg_harness.reports.console import terminal_table
    from zsg_harness.reports.document import document
    from zsg_harness.store.places import open_files
    from zsg_harness.store.store import Store

    folder = str(out or f"{store}/leaderboards/{(matrix or 'all').replace('/', '-')}")
    opened = Store(store)
    if figures:
        from zsg_harness.reports.figures import check_library

        check_library()
    with plugin_columns([opened], matrix, note) as added:
        board = build(opened, folder, matrix=matrix, added=added)
    if figures:
        from zsg_harness.reports.figures import draw_figures

        files = open_files(folder)
        for name, data in draw_figures(board).items():
            files.write(name, data)
    if as_json:
        print_json({"folder": folder, **document(board)})
    else:
        print_renderable(terminal_table(board))
    if not quiet:
        note(f"leaderboard: {folder}/index.html")


for _command in (publish, merge, verify, serve, badge, schema):
    leaderboard.add_command(_command)
