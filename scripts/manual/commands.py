"""The reference of the command line, from click's own commands."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click
from pieces import code, in_line, page

from zsg_harness.cli.group import cli

INTRODUCTION = """
`zsg-harness COMMAND --help` (or `-h`) says the same on a terminal. Results go to stdout, progress and messages to
stderr. Errors are one line that names the place and the nearest right name.

| exit code | |
| --: | --- |
| 0 | done |
| 1 | some cells failed; or something was looked for and found: damage, conflicts, differences |
| 2 | the input was wrong |
| 130 | interrupted; everything done so far is kept |
"""
AFTERWORD = """
## Environment variables

| variable | |
| --- | --- |
| `ZSG_PLUGINS` | names of distributions, with commas: [no others are loaded](../faq.md#what-can-a-plugin-do) |
| `ZSG_STRICT` | `1`: a plugin that is broken is an error with its traceback, and not merely passed over |
| `HF_HUB_OFFLINE` | `1`: never ask the Hugging Face hub; what is in its cache is used |
| `XDG_CACHE_HOME` | where embeddings of `arrange` and copies of a remote store's cache are kept (in `zsg-harness/`) |
| `RAY_ADDRESS` | the Ray cluster of `--executor ray` |
| `NO_COLOR`, `TERM=dumb` | no colours; no live display |
"""


def pages() -> dict[str, str]:
    """One page, a section for each command."""
    sections = [part for path, command in _commands() for part in _section(path, command)]
    return {"reference/command-line.md": page("The command line", INTRODUCTION, *sections, AFTERWORD)}


def _commands() -> Iterator[tuple[list[str], click.Command]]:
    for name, command in cli.commands.items():
        yield [name], command
        if isinstance(command, click.Group):
            for sub, inner in command.commands.items():
                yield [name, sub], inner


def _section(path: list[str], command: click.Command) -> Iterator[str]:
    context = click.Context(command, info_name=" ".join(["zsg-harness", *path]))
    yield f"{'##' if len(path) == 1 else '###'} {' '.join(path)}"
    yield f"```text\n{context.command_path} {' '.join(command.collect_usage_pieces(context))}\n```"
    yield _prose(command.help or "")
    options = [record for each in command.params if (record := each.get_help_record(context)) is not None]
    if options:
        yield "\n".join(f"- **{code(names)}**  \n  {_prose(in_line(about))}" for names, about in options)


def _prose(text: str) -> str:
    """A help text as Markdown: what it says in quotes is code, and stars are stars."""
    quoted = re.sub(r"(?<!\w)'([^'\n]+)'(?!\w)", lambda match: f"`{match[1]}`", inspect.cleandoc(text))
    return "".join(part if part.startswith("`") else _escaped(part) for part in re.split(r"(`[^`]*`)", quoted))


def _escaped(text: str) -> str:
    return re.sub(r"([*_<\[\]])", r"\\\1", text)
