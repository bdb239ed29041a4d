"""Delivering events to hook plugins: a hook that raises is reported and passed over."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pluggy

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_registry import BrokenPlugin, Registry, ZsgError, did_you_mean, hooks
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


def hook_of(event: Progress | Outcome, labels: dict[str, str | None]) -> tuple[str, hooks.Event] | None:
    """The hook that an event calls, with what it is told; None for mere signs of life."""
    of: dict[str, Any] = {"cell_id": event.cell_id, "labels": labels}
    if isinstance(event, Progress):
        if event.stage == "loading":
            return "zsg_cell_started", hooks.CellStarted(event_id=f"started-{event.cell_id}", **of)
        if event.stage != "evaluating":
            return None
        return "zsg_step_evaluated", hooks.StepEvaluated(
            event_id=f"evaluated-{event.cell_id}-{event.step}", step=event.step, scores=event.scores, **of
        )
    if event.state == "finished":
        return "zsg_cell_finished", hooks.CellFinished(
            event_id=f"finished-{event.cell_id}", seconds=event.seconds, scores=event.scores, **of
        )
    if event.state in ("stopped", "done"):
        return None  # it is not over, or another run tells of it
    reason = event.reason or ""
    if event.state == "failed":
        return "zsg_cell_failed", hooks.CellFailed(event_id=f"failed-{event.cell_id}", reason=reason, **of)
    return "zsg_cell_skipped", hooks.CellSkipped(event_id=f"skipped-{event.cell_id}", reason=reason, **of)
