"""`plugins check`: does a plugin keep its promises?"""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

import click

from zsg_harness.cli import DONE, SOME_FAILED
from zsg_harness.cli.options import json_option
from zsg_harness.cli.output import note, print_json, print_table

if TYPE_CHECKING:
    from zsg_harness.plugin_check.card import Report

_INSTALL: Final = "pip install 'zsg-harness[testing]'"
_MARKS: Final = {"passed": "✓", "failed": "✗", "not applicable": "–"}


@click.command("check")
@click.argument("distribution")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=300.0, show_default=True, metavar="SECONDS", help="Of one check."
)
@json_option
def check_plugins(distribution: str, timeout: float, as_json: bool) -> int:
    """Check every plugin of an installed DISTRIBUTION, and print its report card.

    A plugin is made without parameters, where it needs none, and as each of its `examples` says. Its code runs, in a
    process of its own. The exit code is 1 if a check failed.
    """
    if find_spec("pytest") is None:
        raise click.UsageError(f"plugins check needs pytest, which is not installed: {_INSTALL}")
    from zsg_harness.plugin_check.card import all_counts
    from zsg_harness.plugin_check.run import check

    reports = []
    for report in check(distribution, timeout):
        reports.append(report)
        if as_json:
            note(f"{report.entry.kind} {report.reference}: {_counted(report)}")
        else:
            _print(report)
    if as_json:
        print_json([report.document() for report in reports])
    else:
        total = ", ".join(f"{count} {state}" for state, count in all_counts(reports))
        click.echo(f"{reports[0].entry.distribution} {reports[0].entry.version}: {total}")
    return SOME_FAILED if any(report.counts["failed"] for report in reports) else DONE


def _print(report: Report) -> None:
    click.echo(f"{report.entry.kind} {report.reference}: {_counted(report)}")
    lines = ([f"  {_MARKS[each.state]}", each.check, each.line] for each in report.findings)
    print_table(["", "", ""], lines)
    click.echo()


def _counted(report: Report) -> str:
    return ", ".join(f"{report.counts[state]} {state}" for state in _MARKS if report.counts[state])  # type: ignore[index]
