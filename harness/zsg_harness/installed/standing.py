"""Whether a plugin can be used here, and what it asks for: what importing it shows."""

from __future__ import annotations

import inspect
import traceback
from dataclasses import dataclass
from typing import Any, Literal

from zsg_registry import BrokenPlugin, Component, PluginEntry, Registry, required_params
from zsg_registry.arrangement import Arranging

State = Literal["ok", "unavailable", "broken"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a plugin stands.

    Attributes:
        state: Whether it can be used.
        reason: Why not.
        traceback: The whole story, of one that is broken.
        summary: Its own first line.
        revision: Raised by its author when outputs or defaults change.
        access: What it may see of the unseen tasks, by default; None where that depends on parameters, or never arises.
        needs: The services that it uses, by default; None where that depends on parameters.
        stochastic: Whether its outputs depend on the seed, by default; None where that depends on parameters.
        shared_with: Other distributions with a plugin of this kind and name.
    """

    state: State = "ok"
    reason: str | None = None
    traceback: str | None = None
    summary: str = ""
    revision: int | None = None
    access: str | None = None
    needs: list[str] | None = None
    stochastic: bool | None = None
    shared_with: list[str]


def standing(registry: Registry, entry: PluginEntry, component: Component | None = None) -> Standing:
    """Import a plugin, and ask it. Whatever it raises is its own fault, and told as such.

    Args:
        registry: Where it is.
        entry: Which.
        component: The plugin as made with parameters; by default with none, if it needs none.
    """
    rivals = shared_with(registry, entry)
    loaded = registry.load(entry)
    if isinstance(loaded, BrokenPlugin):
        return Standing(state="broken", reason=loaded.reason, traceback=loaded.traceback, shared_with=rivals)
    if not issubclass(loaded, Component):
        return Standing(summary=first_line(loaded), shared_with=rivals)
    try:
        if component is None and not required_params(loaded):
            component = loaded()
        reason = None if component is None else component.unavailable()
        return Standing(
            state="ok" if reason is None else "unavailable",
            reason=reason,
            summary=loaded.summary(),
            revision=loaded.revision,
            access=_declared(loaded, component, "access"),
            needs=_declared(loaded, component, "needs"),
            stochastic=_declared(loaded, component, "stochastic"),
            shared_with=rivals,
        )
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        return Standing(
            state="broken",
            reason=reason,
            traceback=traceback.format_exc(),
            summary=loaded.summary(),
            revision=loaded.revision,
            shared_with=rivals,
        )


def shared_with(registry: Registry, entry: PluginEntry) -> list[str]:
    """The other distributions that have a plugin of the same kind and name."""
    return [
        other.distribution
        for other in registry.entries
        if (other.kind, other.name) == (entry.kind, entry.name) and other.distribution != entry.distribution
    ]


def first_line(plugin: type[object]) -> str:
    """The summary of a class that is no component."""
    return inspect.cleandoc(plugin.__doc__ or "").partition("\n")[0]


def _declared(loaded: type[Component], component: Component | None, name: str) -> Any:
    """What is declared for these parameters, or for any."""
    value = getattr(loaded if component is None else component, name, None)
    if isinstance(value, property):  # of the parameters, unless it is the contract's own
        base = Arranging if name == "access" else Component
        value = value.fget(loaded) if value.fget and value is vars(base)[name] else None
    if value is None:
        return None
    if isinstance(value, frozenset):
        return sorted(map(str, value))
    return value if isinstance(value, bool) else str(value)
