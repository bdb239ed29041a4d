"""What `doctor` says of one thing."""

from __future__ import annotations

from typing import Literal, NamedTuple


class Finding(NamedTuple):
    """One thing.

    Attributes:
        what: Its name.
        state: `warning` narrows what can be run; with a `problem` nothing can.
        detail: What was found.
        mend: The command, or the setting, that mends it.
    """

    what: str
    state: Literal["ok", "warning", "problem"]
    detail: str
    mend: str | None = None
