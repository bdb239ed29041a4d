"""`plugins new`: a distribution to begin one's own plugin with."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from zsg_harness.cli.options import json_option
from zsg_harness.cli.output import note, print_json


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from zsg_harness.scaffold.names import PLUGIN_KINDS

    return [kind for kind in PLUGIN_KINDS if kind.startswith(incomplete)]


@click.command()
@click.argument("kind", required=False, shell_complete=_complete)
@click.argument("name", required=False)
@click.option("--summary", metavar="TEXT", help="What it does, in one sentence [default: what it does unedited].")
@click.option("--author", metavar="NAME", help="Who holds the rights [default: the authors of the distribution].")
@click.option(
    "--in",
    "parent",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path(),
    metavar="DIR",
    help="Where the distribution's folder is made [default: here].",
)
@json_option
def new(
    kind: str | None, name: str | None, summary: str | None, author: str | None, parent: Path, as_json: bool
) -> None:
    """Write a plugin to begin with: a whole distribution, zsg-NAME, that passes its own tests.

    KIND is arrangement, transform, dataset, embedder, vector-transform, metric or hooks; NAME is what users will write,
    such as easy-first. On a terminal, whatever is left out is asked for. Nothing is ever overwritten.
    """
    from zsg_harness.scaffold.distribution import checked_line, default_summary, files, write
    from zsg_harness.scaffold.names import PLUGIN_KINDS, checked_kind, names

    asking = kind is None and sys.stdin.isatty()
    if kind is None:
        kind = _asked("kind", "KIND", checked_kind, choices=PLUGIN_KINDS)
    of_kind = checked_kind(kind)
    if name is None:
        name = _asked("name, such as easy-first", "NAME", lambda text: names(of_kind, text).name)
    chosen = names(of_kind, name)
    summary = summary or default_summary(of_kind)
    author = author or f"The authors of {chosen.distribution}"
    if asking:
        summary = _asked("what it does", "--summary", lambda text: checked_line(text, "summary"), summary)
        author = _asked("author", "--author", lambda text: checked_line(text, "author"), author)

    folder = parent / chosen.distribution
    contents = files(chosen, summary, author)
    write(folder, contents)
    if as_json:
        print_json({"folder": folder, "distribution": chosen.distribution, "files": sorted(contents)})
        return
    click.echo(folder)
    note(f"edit the last function of {folder / chosen.package / '__init__.py'}, then:")
    note(f"  pip install -e '{folder}[dev]'")
    note(f"  zsg-harness plugins check {chosen.distribution}")


def _asked(
    question: str,
    parameter: str,
    check: Callable[[str], str],
    default: str | None = None,
    choices: tuple[str, ...] | None = None,
) -> str:
    """An answer that passes a check, from who sits at the terminal."""
    from zsg_registry import ZsgError

    if not sys.stdin.isatty():
        raise click.UsageError(f"missing argument {parameter}", click.get_current_context())

    def checked(text: str) -> str:
        try:
            return check(text)
        except ZsgError as error:
            raise click.UsageError(str(error)) from None

    if choices:
        question += f" ({', '.join(choices)})"
    answer: str = click.prompt(question, default=default, value_proc=checked, err=True)
    return answer
