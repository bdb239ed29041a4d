"""`leaderboard publish`: send the reports to a folder, a bucket or the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from zsg_harness.cli.options import figures_option, json_option, matrix_option, quiet_option, store_option
from zsg_harness.cli.output import note, print_json, print_table, size

if TYPE_CHECKING:
    from zsg_harness.publishing.publish import Published


@click.command()
@store_option
@matrix_option
@click.option(
    "--to",
    "place",
    required=True,
    metavar="DIR|URL|hf://user/name[@branch]",
    help="Where to: a folder, a bucket, a data set of the hub, or with hf://spaces/user/name a Space that shows it.",
)
@click.option("--private", is_flag=True, help="A repository of the hub that is made now is private.")
@click.option("--dry-run", is_flag=True, help="Only say what would be sent.")
@figures_option
@json_option
@quiet_option
def publish(
    store: str, matrix: str | None, place: str, private: bool, dry_run: bool, figures: bool, as_json: bool, quiet: bool
) -> None:
    """Publish the reports of a store.

    Refuses, and says why, where it is not known which model or which data a row is about: what comes from a hub needs a
    commit; what does not is known by the hash of its content. Of paths of this machine only the ends are published.
    What is there already is not sent again.
    """
    from zsg_harness.hooks.columns import plugin_columns
    from zsg_harness.publishing.publish import faults
    from zsg_harness.publishing.publish import publish as send
    from zsg_harness.publishing.targets import open_target
    from zsg_harness.reports.board import assemble
    from zsg_harness.reports.collect import collect
    from zsg_harness.store.store import Store
    from zsg_registry import ZsgError

    target, opened = open_target(place, private=private), Store(store)
    with plugin_columns([opened], matrix, note) as added:
        board = assemble(collect(opened, matrix), added)
    if found := faults(board):
        for fault in found[:-1]:
            note(f"not published: {fault}")
        raise ZsgError(f"not published: {found[-1]}")
    drawn = {}
    if figures:
        from zsg_harness.reports.figures import draw_figures

        drawn = draw_figures(board)
    _tell(send(board, target, drawn, dry_run=dry_run), dry_run, as_json, quiet)


def _tell(published: Published, dry_run: bool, as_json: bool, quiet: bool) -> None:
    if as_json:
        files = [upload._asdict() for upload in published.uploads]
        print_json({"url": published.url, "commit": published.commit, "dry_run": dry_run, "files": files})
    else:
        columns = ("file", "size", "")
        print_table(columns, ([each.name, size(each.size), each.state] for each in published.uploads))
    if quiet:
        return
    sent, total = len(published.sent), size(sum(upload.size for upload in published.sent))
    if dry_run:
        note(f"{published.url}: {sent} files ({total}) would be sent")
    else:
        commit = f", commit {published.commit}" if published.commit else ""
        note(f"published: {published.url} ({sent} files sent, {total}{commit})")
