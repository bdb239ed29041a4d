"""Who watches a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zsg_harness.cells.outcome import Outcome
    from zsg_harness.cells.progress import Progress
    from zsg_harness.plan.cell import Cell


class Listener:
    """Who watches a run, such as the terminal's display. This one does nothing; others override what they heed."""

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
        """Something the user should know, in one line. It may come from any thread."""
