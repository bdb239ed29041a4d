"""What scripts call: every command with its arguments and options, frozen as text."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import click

from zsg_harness.cli.group import cli


def lines(command: click.Command, path: str) -> Iterator[str]:
    if isinstance(command, click.Group):
        for name in sorted(command.commands):
            yield from lines(command.commands[name], f"{path} {name}")
        return
    yield path
    for parameter in command.params:
        if isinstance(parameter, click.Argument):
            many = "…" if parameter.nargs == -1 else ""
            yield f"    {str(parameter.name).upper()}{many}" + ("" if parameter.required else " (optional)")
        elif isinstance(parameter, click.Option) and not parameter.hidden:
            choices = "|".join(map(str, parameter.type.choices)) if isinstance(parameter.type, click.Choice) else ""
            value = "" if parameter.is_flag else f" {choices or parameter.metavar or parameter.type.name}"
            notes = [word for word, on in (("required", parameter.required), ("repeated", parameter.multiple)) if on]
            yield f"    {', '.join(parameter.opts)}{value}" + (f" ({', '.join(notes)})" if notes else "")


def test_commands_and_options_are_frozen(golden: Callable[[str, str], None]) -> None:
    golden("command_line", "\n".join(lines(cli, "zsg-harness")) + "\n")
