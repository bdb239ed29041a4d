"""The options that say how to run, never what: they go over the matrix's `[run]` table."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any, Final

import click

_DURATION: Final = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m(?:in)?)?(?:(\d+(?:\.\d+)?)s)?")


class Minutes(click.ParamType[float]):
    """A length of time such as `90s`, `30m` or `1h30m`, in minutes."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read hours, minutes and seconds."""
        if isinstance(value, float):
            return value
        minutes = minutes_of(str(value))
        if minutes is None:
            self.fail(f"{value!r} is not a length of time such as 90s, 30m or 1h30m", param, ctx)
        return minutes


def minutes_of(text: str) -> float | None:
    """Minutes of a text such as `1h30m`, or None if it is no length of time."""
    match = _DURATION.fullmatch(text.replace(" ", ""))
    if match is None or not any(match.groups()):
        return None
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return 60 * hours + minutes + seconds / 60


_OPTIONS: Final = (
    click.option(
        "--executor",
        type=click.Choice(["local", "ray"]),
        help="Where cells run: in processes of this machine, or on a Ray cluster [default: local].",
    ),
    click.option(
        "--ray-address",
        metavar="HOST:PORT",
        help="The Ray cluster [default: the one of this machine, or else a Ray of its own].",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Cells that run side by side [default: one for each device].",
    ),
    click.option(
        "--devices",
        metavar="auto|cpu|N,N…",
        help="Which devices to use: every GPU, or the CPU where there is none; the CPU; or some GPUs by number.",
    ),
    click.option(
        "--per-device", type=click.IntRange(min=1), metavar="N", help="Cells that run side by side on each device."
    ),
    click.option(
        "--processes-per-cell",
        type=click.IntRange(min=1),
        metavar="W",
        help="Processes that train one cell together, each on a device of its own.",
    ),
    click.option(
        "--cell-timeout",
        "cell_timeout_minutes",
        type=Minutes(),
        metavar="TIME",
        help="End a cell that takes longer than this, such as 90m; it counts as failed.",
    ),
    click.option(
        "--retries", type=click.IntRange(min=0), metavar="N", help="Try a cell that fails so often again, at once."
    ),
    click.option("--save-model", is_flag=True, help="Keep each cell's trained model, or its adapter, in the store."),
    click.option(
        "--track",
        multiple=True,
        metavar="NAME",
        help="Report to a tracker, by accelerate: tensorboard, wandb … Can be given several times.",
    ),
)
_NAMES: Final = (
    "executor",
    "ray_address",
    "workers",
    "devices",
    "per_device",
    "processes_per_cell",
    "cell_timeout_minutes",
    "retries",
    "save_model",
    "track",
)


def how_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command these options; it gets those that were given as `how`, checked as `[run]` would be."""

    @wraps(command)
    def with_how(*args: Any, **options: Any) -> Any:
        given = {name: options.pop(name) for name in _NAMES}
        how = {name: list(value) if name == "track" else value for name, value in given.items() if value}
        return command(*args, how=_checked(how), **options)

    for option in reversed(_OPTIONS):
        with_how = option(with_how)
    return with_how


def _checked(how: dict[str, Any]) -> dict[str, Any]:
    """The settings, if the matrix's `[run]` table could say so.

    Raises:
        click.UsageError: It could not.
    """
    from pydantic import ValidationError

    from zsg_harness.matrix.schema import RunTable

    try:
        RunTable.model_validate(how)
    except ValidationError as error:
        fault = error.errors()[0]
        name = str(fault["loc"][0]).replace("_", "-")
        raise click.UsageError(f"--{name}: {fault['input']!r} is not possible ({fault['msg']})") from None
    return how
