"""`leaderboard serve`: the leaderboard in a browser, while cells finish."""

from __future__ import annotations

import threading

import click

from zsg_harness.cli.options import json_option, matrix_option, quiet_option, store_option
from zsg_harness.cli.output import note, print_json


@click.command()
@store_option
@matrix_option
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8765,
    show_default=True,
    metavar="N",
    help="Where to listen, on this machine alone; 0 for any port that is free.",
)
@click.option(
    "--every",
    type=click.FloatRange(min=0.1),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="How often to look whether the store has changed.",
)
@json_option
@quiet_option
def serve(store: str, matrix: str | None, port: int, every: float, as_json: bool, quiet: bool) -> None:  # fmt: skip
    """Show the leaderboard in a browser, and again when a cell has finished.

    It answers this machine alone, reads the store and writes no reports. Works beside a running matrix; Ctrl-C ends it.
    """
    from zsg_harness.hooks.columns import plugin_columns
    from zsg_harness.publishing.live import LiveReports
    from zsg_harness.publishing.serve import serving
    from zsg_harness.store.store import Store

    opened = Store(store)
    try:
        with (
            plugin_columns([opened], matrix, note) as added,
            serving(LiveReports(opened, matrix, added), port, every) as url,
        ):
            if as_json:
                print_json({"url": url})
            else:
                click.echo(url)
            if not quiet:
                note("Ctrl-C ends it")
            threading.Event().wait()
    except KeyboardInterrupt:
        if not quiet:
            note("ended")
