"""The commands of a console block; and whether one would be understood, without running it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

import click

from snippets.blocks import Block
from zsg_harness.cli.group import cli

_PROMPT = re.compile(r"^\w*\$ ")
_ASSIGNMENT = re.compile(r"[A-Z_][A-Z0-9_]*=")
_OPERATORS = frozenset(("|", "&&", ">", "<", "2>", ";"))


@dataclass(frozen=True)
class Command:
    """A command line, and the lines that it is shown to print.

    Attributes:
        text: As written.
        words: Without comments and assignments.
        environment: What is assigned before it.
        shown: Lines of output.
    """

    text: str
    words: tuple[str, ...]
    environment: dict[str, str]
    shown: tuple[str, ...]

    @property
    def is_plain(self) -> bool:
        """Whether it needs no shell."""
        return not _OPERATORS & set(self.words)

    @property
    def harness(self) -> list[list[str]]:
        """The arguments of each call of `zsg-harness` in it."""
        calls: list[list[str]] = []
        current: list[str] | None = None
        for word in self.words:
            if word in _OPERATORS:
                current = None
            elif word == "zsg-harness":
                current = []
                calls.append(current)
            elif current is not None:
                current.append(word)
        return calls


def commands(block: Block) -> list[Command]:
    """The commands of a console block, or the lines of a script that call the harness."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language != "console":
        return [_command(line[line.index("zsg-harness") :], ()) for line in lines if "zsg-harness " in line]
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if _PROMPT.match(line):
            found.append((_PROMPT.sub("", line), []))
        else:
            assert found, f"{block.place}: a console block begins with a command"
            found[-1][1].append(line.rstrip())
    return [_command(text, shown) for text, shown in found]


def _command(text: str, shown: Sequence[str]) -> Command:
    words = shlex.split(text, comments=True)
    environment: dict[str, str] = {}
    while words and _ASSIGNMENT.match(words[0]):
        name, _, value = words.pop(0).partition("=")
        environment[name] = value
    return Command(text, tuple(words), environment, tuple(shown))


def parse(args: Sequence[str], command: click.Command = cli) -> None:
    """See that the command line would be understood: commands, options, the form of their values, what is required.

    Files need not be there.

    Raises:
        click.UsageError: It would not.
    """
    context = click.Context(command, info_name="zsg-harness")
    values, rest, _ = command.make_parser(context).parse_args(list(args))
    for parameter in command.params:
        value = values.get(parameter.name or "")
        given = value is not None and value != () and "UNSET" not in repr(value)
        if parameter.required and not given:
            raise click.MissingParameter(ctx=context, param=parameter)
        if given and not isinstance(parameter.type, click.Path | click.File):
            parameter.type_cast_value(context, value)
    if isinstance(command, click.Group):
        if rest:
            name, inner, arguments = command.resolve_command(context, rest)
            assert inner is not None, name
            parse(arguments, inner)
        elif not command.invoke_without_command and command is not cli:
            raise click.UsageError(f"{command.name} needs a command", context)
    elif rest:
        raise click.UsageError(f"unexpected {' '.join(rest)}", context)
