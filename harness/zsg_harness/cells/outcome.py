"""What came of a cell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a cell ended.

    Attributes:
        cell_id: Which cell.
        state: Finished means committed to the store; done, by another run; stopped, that it was asked to stop.
        reason: Why it did not finish, in one line.
        seconds: How long it took.
        scores: Means over tasks at the last step.
        attempt: The name of the attempt, where there is one.
    """

    cell_id: str
    state: Literal["finished", "failed", "skipped", "stopped", "done"]
    reason: str | None
    seconds: float
    scores: Mapping[str, float]
    attempt: str = ""
