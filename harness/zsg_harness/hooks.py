"""Delivering events to hook plugins: a hook that raises is reported and passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from zsg_registry import BrokenPlugin, Registry, ZsgError, did_you_mean
from zsg_registry.hooks import PROJECT, Event, Hooks


class HookCaller:
    """The hook plugins of a run.

    A hook plugin's class is made with the fields of its `[hooks.<name>]` table. One that has a table must be there;
    one that has none is used with its defaults.
    """

    def __init__(
        self, registry: Registry, settings: Mapping[str, Mapping[str, Any]], warn: Callable[[str], None]
    ) -> None:
        """Load the hook plugins.

        Raises:
            ZsgError: `[hooks.<name>]` names a plugin that is not installed.
        """
        unknown = sorted(set(settings) - set(registry.names("hooks")))
        if unknown:
            raise ZsgError(
                f"[hooks.{unknown[0]}]: no such hook plugin{did_you_mean(unknown[0], registry.names('hooks'))}"
            )
        self._warn = warn
        self._manager = pluggy.PluginManager(PROJECT)
        self._manager.add_hookspecs(Hooks)
        for entry in registry.entries:
            if entry.kind != "hooks":
                continue
            loaded = registry.load(entry)
            if isinstance(loaded, BrokenPlugin):
                warn(f"hooks {entry.name!r} of {entry.distribution} are broken: {loaded.reason}")
                continue
            try:
                self._manager.register(loaded(**settings.get(entry.name, {})), name=entry.name)
            except Exception as error:  # a plugin's own fault must not end the run
                warn(f"hooks {entry.name!r} of {entry.distribution} are passed over: {type(error).__name__}: {error}")

    def __call__(self, hook: str, event: Event) -> None:
        """Call one hook of every plugin, each on its own."""
        for implementation in getattr(self._manager.hook, hook).get_hookimpls():
            try:
                implementation.function(event)
            except Exception as error:  # a plugin's own fault must not end the run
                self._warn(f"hooks {implementation.plugin_name!r} raised in {hook}: {type(error).__name__}: {error}")
