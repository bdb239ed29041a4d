"""`doctor`: what this machine can run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import click

from zsg_harness.cli import SOME_FAILED
from zsg_harness.cli.options import json_option, store_option
from zsg_harness.cli.output import print_json, print_table

if TYPE_CHECKING:
    from zsg_harness.cli.health import Finding


@click.command()
@store_option
@click.option("--workers", type=click.IntRange(min=1), metavar="N", help="See whether so many workers fit.")
@click.option("--hub", is_flag=True, help="Also ask whether the Hugging Face hub can be reached.")
@json_option
def doctor(store: str, workers: int | None, hub: bool, as_json: bool) -> None:
    """Show what this machine can run, what is missing, and how to mend it.

    Exits with 1 if a cell could not run at all.
    """
    from zsg_harness.cli.health import examine

    findings = examine(store, workers=workers, ask_hub=hub)
    if as_json:
        print_json([one._asdict() for one in findings])
    else:
        print_table(("", "", ""), _lines(findings))
    if any(one.state == "problem" for one in findings):
        raise click.exceptions.Exit(SOME_FAILED)


def _lines(findings: Iterable[Finding]) -> Iterator[tuple[str, str, str]]:
    for one in findings:
        yield one.what, one.state, one.detail
        if one.mend:
            yield "", "", f"→ {one.mend}"
