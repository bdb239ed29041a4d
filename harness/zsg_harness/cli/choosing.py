"""The options that say which cells of a matrix, and in which order: the same for `plan` and `run`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

from zsg_harness.cli.options import filter_option

_OPTIONS: Final = (
    filter_option,
    click.option(
        "--exclude",
        "excludes",
        multiple=True,
        metavar="AXIS=PATTERN",
        help="Not these cells, such as 'arrangement=cluster*'. May be repeated.",
    ),
    click.option(
        "--order",
        type=click.Choice(["matrix", "cheap-first"]),
        default="matrix",
        help="In which order cells run: as the matrix's axes say [default], or the quickest first, as far as finished"
        " cells of the store (or else the budgets) tell.",
    ),
    click.option(
        "--retry-failed",
        is_flag=True,
        help="Of the cells that are to be run, only those that failed before. [default: they are run again beside the"
        " new ones]",
    ),
)
_NAMES: Final = ("filters", "excludes", "order", "retry_failed")


def choosing_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; it gets them as one `wanted` (`zsg_harness.plan.decide.Wanted`)."""

    @wraps(command)
    def with_wanted(**given: Any) -> Any:
        from zsg_harness.plan.decide import Wanted

        wanted = Wanted(**{name: given.pop(name) for name in _NAMES})
        return command(wanted=wanted, **given)

    decorated: Callable[..., Any] = with_wanted
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
