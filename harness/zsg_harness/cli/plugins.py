"""`plugins`: the installed components."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from zsg_harness.cli.check import check_plugins
from zsg_harness.cli.naming import NearestNameGroup
from zsg_harness.cli.options import json_option
from zsg_harness.cli.output import print_json, print_table

if TYPE_CHECKING:
    from zsg_registry import PluginEntry, Registry


@click.group(cls=NearestNameGroup)
def plugins() -> None:
    """List the installed components, and check them."""


plugins.add_command(check_plugins)


@plugins.command("list")
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
    columns = ["kind", "name", "distribution", "version"] + (["state", "summary"] if load else [])
    print_table(columns, ([str(line[column]) for column in columns] for line in listed))


def broken_plugins(registry: Registry) -> Iterator[dict[str, Any]]:
    """The plugins that cannot be loaded, with the reason in one line and the traceback."""
    for entry in registry.entries:
        state = _loaded(registry, entry)
        if state["state"] == "broken":
            yield _described(entry) | state


def _described(entry: PluginEntry) -> dict[str, Any]:
    return {"kind": entry.kind, "name": entry.name, "distribution": entry.distribution, "version": entry.version}


def _loaded(registry: Registry, entry: PluginEntry) -> dict[str, Any]:
    """What importing a plugin shows; `summary` is the reason where it cannot be used."""
    from zsg_registry import BrokenPlugin, Component

    loaded = registry.load(entry)
    if isinstance(loaded, BrokenPlugin):
        return {"state": "broken", "summary": loaded.reason, "traceback": loaded.traceback}
    if not issubclass(loaded, Component):
        return {"state": "ok", "summary": (loaded.__doc__ or "").strip().partition("\n")[0]}
    reason = _unavailable(loaded)
    if reason is not None:
        return {"state": "unavailable", "summary": reason}
    return {"state": "ok", "summary": loaded.summary(), "params": loaded.Params.model_json_schema()}


def _unavailable(component: type[Any]) -> str | None:
    """Why a component cannot run here; unknown, and so None, for one that needs parameters."""
    from zsg_registry import required_params

    if required_params(component):
        return None
    try:
        reason: str | None = component().unavailable()
    except Exception as error:  # a plugin's own fault must not end the list
        return f"{type(error).__name__}: {error}"
    return reason
