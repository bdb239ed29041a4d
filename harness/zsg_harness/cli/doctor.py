"""`doctor`: what this machine can run."""

from __future__ import annotations

import click

from zsg_harness.cli import SOME_FAILED
from zsg_harness.cli.options import json_option, store_option
from zsg_harness.cli.output import print_json, print_table


@click.command()
@store_option
@click.option("--hub", is_flag=True, help="Also ask whether the Hugging Face hub can be reached.")
@json_option
def doctor(store: str, hub: bool, as_json: bool) -> None:
    """Show what this machine can run, and what is missing. Exits with 1 if a cell could not run at all."""
    from zsg_harness.cli.health import examine

    findings = examine(store, ask_hub=hub)
    if as_json:
        print_json([{"what": one.what, "state": one.state, "detail": one.detail} for one in findings])
    else:
        print_table(("", "", ""), ((one.what, one.state, one.detail) for one in findings))
    if any(one.state == "problem" for one in findings):
        raise click.exceptions.Exit(SOME_FAILED)
