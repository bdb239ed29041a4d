"""Hook plugins: which there are, and how each is made with the settings of its own table."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from zsg_registry import BrokenPlugin, Registry, ZsgError, did_you_mean

if TYPE_CHECKING:
    from zsg_harness.store.store import Store
    from zsg_registry import PluginEntry

Warn = Callable[[str], None]


class HookPlugin(NamedTuple):
    """A hook plugin that has not been made yet.

    Attributes:
        name: How it is called in warnings; with its distribution in front where two have one name.
        make: Makes it. This is the plugin's own code: it may take long, or raise.
        hooks: The class, whose methods are the hooks.
    """

    name: str
    make: Callable[[], object]
    hooks: type[object]


def hook_plugins(registry: Registry, settings: Mapping[str, Mapping[str, Any]], warn: Warn) -> list[HookPlugin]:
    """The installed hook plugins. One without a table `[hooks.<name>]` is used with its defaults.

    Raises:
        ZsgError: A table names a plugin that is not installed, or settings that the plugin has not.
    """
    installed = registry.names("hooks")
    for name in settings:
        if name not in installed:
            raise ZsgError(f"[hooks.{name}]: no such hook plugin{did_you_mean(name, installed)}")
    found = [_plugin(entry, registry, settings.get(entry.name, {}), warn) for entry in _entries(registry)]
    return _told_apart([plugin for plugin in found if plugin is not None])


def plugins_with_columns(
    registry: Registry, stores: Sequence[Store], matrix: str | None, warn: Warn
) -> list[HookPlugin]:
    """The hook plugins that add to a leaderboard, with the settings that the stores' frozen plans have for them.

    Those of an earlier store go before those of a later one. A plugin that they do not fit, or that reads some from the
    environment, is passed over.
    """
    found = []
    for entry in _entries(registry):
        if not hasattr(registry.load(entry), "zsg_leaderboard_columns"):
            continue
        try:
            found.append(_plugin(entry, registry, _planned_settings(entry.name, stores, matrix), warn))
        except ZsgError as error:
            warn(f"{error}; its columns are left out")
    return _told_apart([plugin for plugin in found if plugin is not None])


def _entries(registry: Registry) -> list[PluginEntry]:
    return [entry for entry in registry.entries if entry.kind == "hooks"]


def _plugin(entry: PluginEntry, registry: Registry, given: Mapping[str, Any], warn: Warn) -> HookPlugin | None:
    """A plugin with its settings; None, with a warning, for one that cannot be used."""
    loaded = registry.load(entry)
    if isinstance(loaded, BrokenPlugin):
        warn(f"hooks {entry.name!r} of {entry.distribution} are broken: {loaded.reason}")
        return None
    missing = _check_settings(loaded, entry.name, given)
    if missing:
        warn(f"hooks {entry.name!r} are passed over: there is no [hooks.{entry.name}] that sets {missing!r}")
        return None
    return HookPlugin(f"{entry.distribution}:{entry.name}", partial(loaded, **given), loaded)


def _check_settings(plugin: type[object], name: str, given: Mapping[str, Any]) -> str | None:
    """See that a plugin has these settings; returns one that it needs, if none at all are given.

    Raises:
        ZsgError: It has no such setting, or its table leaves out one that it needs.
    """
    kinds = inspect.Parameter
    parameters = inspect.signature(plugin).parameters.values()
    named = [each for each in parameters if each.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)]
    known = [each.name for each in named]
    takes_all = any(each.kind is kinds.VAR_KEYWORD for each in parameters)
    for setting in given:
        if setting not in known and not takes_all:
            raise ZsgError(f"[hooks.{name}]: unknown setting {setting!r}{did_you_mean(setting, known)}")
    missing = next((each.name for each in named if each.default is kinds.empty and each.name not in given), None)
    if missing and given:
        raise ZsgError(f"[hooks.{name}]: the setting {missing!r} is missing")
    return missing


def _told_apart(plugins: list[HookPlugin]) -> list[HookPlugin]:
    """The plugins by the names that users write, where those are theirs alone."""
    owners = Counter(plugin.name.partition(":")[2] for plugin in plugins)
    short = [plugin.name.partition(":")[2] for plugin in plugins]
    return [
        plugin._replace(name=name) if owners[name] == 1 else plugin for name, plugin in zip(short, plugins, strict=True)
    ]


def _planned_settings(name: str, stores: Sequence[Store], matrix: str | None) -> dict[str, Any]:
    """A plugin's table in the frozen plans.

    Raises:
        ZsgError: A setting is read from the environment. A store may be somebody else's, who is told nothing of it.
    """
    from zsg_harness.matrix.load import has_variables

    settings: dict[str, Any] = {}
    for store in reversed(stores):
        for stem, plan in store.matrices().items():
            if matrix in (None, stem, plan["name"]):
                settings |= plan["matrix"].get("hooks", {}).get(name, {})
    for setting, value in settings.items():
        if has_variables(value):
            reason = "is read from the environment, which is done for a matrix file alone (run the matrix again)"
            raise ZsgError(f"[hooks.{name}]: the setting {setting!r} {reason}")
    return settings
