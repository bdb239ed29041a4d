"""`leaderboard schema`: what a program may rely on in `leaderboard.json`."""

from __future__ import annotations

import click

from zsg_harness.cli.output import print_json


@click.command()
def schema() -> None:
    """Print the JSON Schema of leaderboard.json."""
    from zsg_harness.reports.schema import json_schema

    print_json(json_schema())
