"""The report card of a distribution: what was checked of each of its plugins, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import Any, get_args

from zsg_registry import PluginEntry, Registry, ZsgError, did_you_mean
from zsg_registry.testing.suites.checks import Finding, State


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of one plugin, made in one way.

    Attributes:
        entry: The plugin.
        reference: How it was made, as users write it.
        findings: In the order of the checks.
    """

    entry: PluginEntry
    reference: str
    findings: list[Finding] = field(default_factory=list)

    @property
    def counts(self) -> Counter[State]:
        """How many checks came out how."""
        return Counter(finding.state for finding in self.findings)

    def document(self) -> dict[str, Any]:
        """For programs."""
        entry = self.entry
        of = {"kind": entry.kind, "name": entry.name, "distribution": entry.distribution, "version": entry.version}
        return {**of, "reference": self.reference, "findings": [finding._asdict() for finding in self.findings]}


def entries_of(registry: Registry, distribution: str) -> list[PluginEntry]:
    """The plugins of a distribution, from metadata alone.

    Raises:
        ZsgError: It is not installed, or may not be loaded, or has no plugin.
    """
    wanted = distribution.replace("_", "-").lower()
    found = [entry for entry in registry.entries if entry.distribution.replace("_", "-").lower() == wanted]
    if found:
        return found
    known = {entry.distribution for entry in registry.entries}
    try:
        installed = f"the distribution {distribution!r} ({version(distribution)}) has no plugins that may be loaded"
    except (PackageNotFoundError, ValueError):
        raise ZsgError(f"no distribution {distribution!r} is installed{did_you_mean(distribution, known)}") from None
    raise ZsgError(f"{installed}: see [project.entry-points] of its pyproject.toml, and ZSG_PLUGINS")


def name_clash(registry: Registry, entry: PluginEntry) -> Finding:
    """Whether another distribution has a plugin of this kind and name."""
    check = "has a name of its own"
    others = [
        other.distribution
        for other in registry.entries
        if (other.kind, other.name) == (entry.kind, entry.name) and other.distribution != entry.distribution
    ]
    if not others:
        return Finding(check, "passed", "", 0.0)
    remedy = f"choose another, or users must write '{entry.distribution}:{entry.name}'"
    return Finding(
        check, "failed", f"{others[0]} has the name {entry.name!r} among its {entry.kind}s too: {remedy}", 0.0
    )


def all_counts(reports: list[Report]) -> Iterator[tuple[State, int]]:
    """How many checks of all came out how."""
    total = sum((report.counts for report in reports), Counter[State]())
    return ((state, total[state]) for state in get_args(State))
