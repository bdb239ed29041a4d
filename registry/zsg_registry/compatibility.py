"""Which versions of this contract plugins may be written for, and how what will go away is told of.

The policy is `docs/compatibility.md`.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Final, NamedTuple

API_VERSION: Final = 1
"""The version of the contract. Raised when a plugin that was right becomes wrong, and never for what is added."""

FIRST: Final = 1
"""What a plugin was written for that does not say."""


class Superseded(NamedTuple):
    """An older version of the contract, plugins of which are still loaded.

    Attributes:
        since: The release that brought the next version.
        until: The first release that will not load them any more.
        instead: What their authors change, in a few words.
    """

    since: str
    until: str
    instead: str


SUPERSEDED: Final[Mapping[int, Superseded]] = {}
"""The older versions that are supported. There are none so far."""


class ZsgDeprecationWarning(FutureWarning):
    """Something works still and will not for ever. Shown by default: who runs a plugin may be the one to mend it."""


_told: Final[set[str]] = set()


def warn_deprecated(what: str, *, since: str, until: str, instead: str, stacklevel: int = 1) -> None:
    """Warn that something is deprecated; once in a process, however often it is used.

    Args:
        what: What is deprecated, as its user knows it: `Order.cut()`, or `the parameter 'k' of 'tma'`.
        since: The release that deprecated it.
        until: The first release that will be without it.
        instead: What to use or do.
        stacklevel: 1 is the caller's caller: who uses what is deprecated.
    """
    if what not in _told:
        _told.add(what)
        message = f"{what} is deprecated since zsg-harness {since} and will be gone in {until}: {instead}"
        warnings.warn(message, ZsgDeprecationWarning, stacklevel=stacklevel + 2)


def check_api_version(version: object, plugin: str, distribution: str) -> str | None:
    """See whether a plugin may be loaded; a version that is superseded is warned of.

    Args:
        version: What it was written for.
        plugin: What to call it.
        distribution: Who provides it.

    Returns:
        Why it cannot be loaded and what to do about it, or None.
    """
    if not isinstance(version, int) or isinstance(version, bool):
        return f"its api_version is {version!r}, not a whole number such as {API_VERSION}"
    if version == API_VERSION:
        return None
    if version in SUPERSEDED:
        since, until, instead = SUPERSEDED[version]
        warn_deprecated(
            f"API version {version}, which {plugin} of {distribution} was written for,",
            since=since,
            until=until,
            instead=f"upgrade {distribution}; its authors: {instead}",
        )
        return None
    upgrade = "zsg-harness" if version > API_VERSION else f"{distribution}, or install a zsg-harness of its time"
    return f"it was written for API version {version}; this is version {API_VERSION}: upgrade {upgrade}"
