"""Who watches a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.plan.cell import Cell


class Listener(Protocol):
    """Who watches a run, such as the terminal's display. Warnings may come from any thread."""

    def planned(self, cells: Sequence[Cell]) -> None:
        """The cells, each with its state; nothing has run yet."""

    def progressed(self, progress: Progress) -> None:
        """A running cell got on."""

    def retried(self, outcome: Outcome) -> None:
        """A cell failed, and is tried again."""

    def ended(self, outcome: Outcome) -> None:
        """A cell ended."""

    def elsewhere(self, count: int) -> None:
        """So many cells are left to another run now, which has them."""

    def warned(self, message: str) -> None:
        """Something the user should know, in one line."""


class Silence:
    """A listener that does nothing."""

    def planned(self, cells: Sequence[Cell]) -> None:
        """See `Listener`."""

    def progressed(self, progress: Progress) -> None:
        """See `Listener`."""

    def retried(self, outcome: Outcome) -> None:
        """See `Listener`."""

    def ended(self, outcome: Outcome) -> None:
        """See `Listener`."""

    def elsewhere(self, count: int) -> None:
        """See `Listener`."""

    def warned(self, message: str) -> None:
        """See `Listener`."""
