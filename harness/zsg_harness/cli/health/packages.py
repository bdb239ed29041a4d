"""What is installed: packages, extras and plugins."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from typing import Final

from zsg_harness.cli.health.finding import Finding

_DISTRIBUTION: Final = "zsg-harness"
_REQUIREMENT: Final = re.compile(r"(?P<name>[\w.-]+).*?(?:extra == ['\"](?P<extra>[\w-]+)['\"])?$")
_FOR_DEVELOPERS: Final = ("dev", "docs")
"""Extras that no user of the command line needs."""


def examine_packages() -> Iterator[Finding]:
    """What nothing runs without."""
    yield Finding(_DISTRIBUTION, "ok", version(_DISTRIBUTION))
    for package, extra in _requirements():
        if extra is None:
            found = installed(package)
            if found is None:
                yield Finding(package, "problem", "missing", f"pip install --force-reinstall {_DISTRIBUTION}")
            else:
                yield Finding(package, "ok", found)


def examine_extras() -> Iterator[Finding]:
    """What some things need."""
    members: dict[str, list[str]] = {}
    for package, extra in _requirements():
        if extra is not None and extra not in _FOR_DEVELOPERS:
            members.setdefault(extra, []).append(package)
    for extra, names in sorted(members.items()):
        missing = [package for package in names if installed(package) is None]
        if missing:
            mend = f"pip install '{_DISTRIBUTION}[{extra}]'"
            yield Finding(f"extra {extra}", "warning", f"{', '.join(missing)} not installed", mend)
        else:
            yield Finding(f"extra {extra}", "ok", ", ".join(f"{name} {installed(name)}" for name in names))


def examine_plugins() -> Iterator[Finding]:
    """Plugins that do not load, and how many do."""
    from zsg_harness.installed.standing import standing
    from zsg_registry import Registry

    registry = Registry()
    loadable = 0
    for entry in registry.entries:
        found = standing(registry, entry)
        if found.state != "broken":
            loadable += 1
            continue
        detail = f"{entry.kind} {entry.name!r} of {entry.distribution} {entry.version} is broken: {found.reason}"
        yield Finding("plugin", "warning", detail, f"pip install --upgrade {entry.distribution}")
    yield Finding("plugins", "ok", f"{loadable} can be loaded")


def installed(package: str) -> str | None:
    """A package's version, or None."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _requirements() -> Iterator[tuple[str, str | None]]:
    """What the distribution asks for: a package, and the extra that it belongs to if any."""
    for line in requires(_DISTRIBUTION) or ():
        match = _REQUIREMENT.fullmatch(line)
        if match is not None:
            yield match["name"], match["extra"]
