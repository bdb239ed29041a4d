"""Errors whose message is one line for a person: what is wrong, where, and the nearest right name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ZsgError(Exception):
    """The input was wrong, or a plugin broke its promise. `str(error)` is one line that says what to mend."""


class InvalidReference(ZsgError):
    """A text is not a component reference. See `zsg_registry.reference`."""


class ContractError(ZsgError):
    """A plugin did what the contract forbids: an undeclared service, a withheld field, an invalid result."""


def did_you_mean(name: str, candidates: Iterable[str], *, limit: int = 3) -> str:
    """A hint for a mistyped name: `" (did you mean 'tma'?)"`, or what there is when nothing is near.

    Args:
        name: What was written.
        candidates: The right names.
        limit: How many near names to offer.
    """
    names = sorted(set(candidates))
    near = difflib.get_close_matches(name, names, n=limit, cutoff=0.6)
    if near:
        return f" (did you mean {' or '.join(map(repr, near))}?)"
    if not names:
        return " (there are none)"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f" (there are: {shown})"
