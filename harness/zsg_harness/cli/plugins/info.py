"""`plugins info`: one plugin, in full."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from zsg_harness.cli.options import json_option
from zsg_harness.cli.output import print_json, print_table, printable
from zsg_harness.cli.plugins.listing import remarks

if TYPE_CHECKING:
    from zsg_harness.installed.details import Details


def _complete(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    from zsg_registry import Registry

    return sorted({entry.name for entry in Registry().entries if entry.name.startswith(incomplete)})


@click.command()
@click.argument("name", shell_complete=_complete)
@click.option("--kind", help="Where plugins of two kinds have the name: the one that is meant.")
@json_option
def info(name: str, kind: str | None, as_json: bool) -> None:
    """Show what a plugin does, its parameters, where it comes from, and how it is used.

    NAME may have a distribution and parameters, as everywhere: 'zsg-easy-first:easy-first', 'tma[mode=farthest]'.
    What it needs and may see is then told for these parameters.
    """
    from zsg_harness.installed.details import details
    from zsg_registry import Registry

    found = details(Registry(), name, kind)
    if as_json:
        print_json(found.document())
    else:
        _print(found)


def _print(found: Details) -> None:
    click.echo(printable(f"{found.name} · {found.kind} of {found.distribution} {found.version}"))
    for line in (*found.description.splitlines(), *(found.standing.traceback or "").splitlines()):
        click.echo(printable(f"  {line}".rstrip()))
    if found.parameters:
        click.echo()
        rows = [
            (each.name, each.type, "required" if each.required else each.default or "–", each.description)
            for each in found.parameters
        ]
        print_table(("parameter", "type", "default", "meaning"), rows)
    click.echo()
    print_table(("", ""), _facts(found))
    click.echo()
    for line in ("in a matrix file:", *found.example.splitlines()):
        click.echo(printable(line))


def _facts(found: Details) -> Iterator[tuple[str, str]]:
    """What there is to say beside the parameters, each in a line."""
    standing = found.standing
    source = found.source
    needs = None if standing.needs is None else ", ".join(standing.needs) or "nothing"
    place = "" if source.file is None else f" ({source.file}:{source.line})"
    facts = {
        "state": standing.state,
        "but": remarks(asdict(standing), found.name, found.distribution),
        "revision": standing.revision,
        "needs": needs,
        "may see of the unseen tasks": standing.access,
        "depends on the seed": None if standing.stochastic is None else "yes" if standing.stochastic else "no",
        "outputs": ", ".join(f"{name} ({way} is better)" for name, way in (found.outputs or {}).items()),
        "told of": ", ".join(found.hooks or ()),
        "the data's licence": found.data_license,
        "cite": found.citation,
        "source": source.object + place,
        "licence": found.license,
        "see": found.home,
    }
    return ((name, str(value)) for name, value in facts.items() if value not in (None, ""))
