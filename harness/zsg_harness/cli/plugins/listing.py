"""`plugins list`: the installed plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from zsg_harness.cli.options import json_option
from zsg_harness.cli.output import print_json, print_table

if TYPE_CHECKING:
    from zsg_registry import PluginEntry, Registry


@click.command("list")
@click.option("--load", is_flag=True, help="Import each plugin, and say what it is or why it cannot be used.")
@json_option
def list_plugins(load: bool, as_json: bool) -> None:
    """List the plugins. Without --load none of their code runs."""
    from zsg_registry import Registry

    registry = Registry()
    listed = [_described(entry) | (_loaded(registry, entry) if load else {}) for entry in registry.entries]
    if as_json:
        print_json(listed)
        return
    columns = ["kind", "name", "distribution", "version"]
    columns += ["revision", "access", "needs", "state", "summary"] if load else []
    print_table(columns, ([_shown(line, column) for column in columns] for line in listed))


def remarks(standing: dict[str, Any], name: str, distribution: str) -> str:
    """Why a plugin cannot be used as it stands, or by its name alone."""
    shared: Sequence[str] = standing["shared_with"]
    clash = f"{' and '.join(shared)} has this name too: write '{distribution}:{name}'" if shared else None
    return "; ".join(filter(None, (standing["reason"], clash)))


def _described(entry: PluginEntry) -> dict[str, Any]:
    return {"kind": entry.kind, "name": entry.name, "distribution": entry.distribution, "version": entry.version}


def _loaded(registry: Registry, entry: PluginEntry) -> dict[str, Any]:
    from zsg_harness.installed.standing import standing

    return asdict(standing(registry, entry))


def _shown(line: dict[str, Any], column: str) -> str:
    """An entry of the table; where something is amiss, the summary gives way to it."""
    if column == "summary":
        return remarks(line, line["name"], line["distribution"]) or line["summary"]
    if column == "needs":
        return ", ".join(line["needs"] or ()) or "–"
    return "–" if line[column] is None else str(line[column])
