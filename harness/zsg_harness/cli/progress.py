"""Watching a run: a line for each cell that ends, or a live display where stderr is a terminal."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

from zsg_harness.cli.output import counted, duration, note

if TYPE_CHECKING:
    from zsg_harness.cells.outcome import Outcome
    from zsg_harness.cells.progress import Progress
    from zsg_harness.plan.cell import Cell
    from zsg_harness.runner import Listener

_REASONS: Final = 5
"""Reasons to run that are told, the most frequent ones."""


def watch(matrix: str, limit: int | None, *, quiet: bool, plain: bool) -> AbstractContextManager[Listener]:
    """What shows a run, for the time of the run.

    Args:
        matrix: The matrix's name.
        limit: How many cells will be run at most.
        quiet: Show failures alone.
        plain: Show no live display, even on a terminal.
    """
    if quiet:
        return nullcontext(FailureLines(limit))
    if not plain and sys.stderr.isatty():
        from rich.console import Console

        from zsg_harness.cli.live import LiveDisplay

        console = Console(stderr=True, highlight=False)
        if not console.is_dumb_terminal:
            return LiveDisplay(matrix, limit, console)
    return nullcontext(CellLines(matrix, limit))


def describe(cell: Cell) -> str:
    """A cell in a few words: `tma × procedural × minilm × zsg-tiny · seed 0`."""
    labels = cell.labels
    parts = [labels.arrangement, labels.dataset, labels.embedder, labels.model]
    if labels.budget != "all":
        parts.append(f"budget {labels.budget}")
    return f"{' × '.join(part for part in parts if part is not None)} · {describe_seeds(cell)}"


def describe_seeds(cell: Cell) -> str:
    """The seeds that a cell stands for: `seed 0`, or `seeds 0 1 2`."""
    return f"{'seed' if len(cell.user_seeds) == 1 else 'seeds'} {' '.join(cell.user_seeds)}"


class FailureLines:
    """A listener that tells of failures alone.

    Attributes:
        cells: The cells of this run by their id.
        ended_cells: How many of them have ended.
        total: How many this run executes.
    """

    def __init__(self, limit: int | None) -> None:
        self.cells: Mapping[str, Cell] = {}
        self.ended_cells = 0
        self.total = 0
        self._limit = limit

    def planned(self, cells: Sequence[Cell]) -> None:
        """See `zsg_harness.runner.Listener`."""
        self.cells = {cell.cell_id: cell for cell in cells}
        self.total = len([cell for cell in cells if cell.state == "run"][: self._limit])

    def progressed(self, progress: Progress) -> None:
        """See `zsg_harness.runner.Listener`."""

    def ended(self, outcome: Outcome) -> None:
        """See `zsg_harness.runner.Listener`."""
        self.ended_cells += 1
        if outcome.state == "failed":
            self.show(self._line(outcome), "red")

    def warned(self, message: str) -> None:
        """See `zsg_harness.runner.Listener`."""

    def show(self, line: str, style: str = "") -> None:
        """Write a line; a display that has colours may use `style`."""
        note(line)

    def _line(self, outcome: Outcome) -> str:
        position = f"[{self.ended_cells:>{len(str(self.total))}}/{self.total}]"
        name = describe(self.cells[outcome.cell_id])
        if outcome.state != "finished":
            return f"{position} {outcome.state} {name}: {outcome.reason}"
        loss = outcome.scores.get("loss")
        return f"{position} {name}  {'' if loss is None else f'loss {loss:.3f}  '}{duration(outcome.seconds)}"


class CellLines(FailureLines):
    """A listener that writes a line for each cell that ends."""

    def __init__(self, matrix: str, limit: int | None) -> None:
        super().__init__(limit)
        self._matrix = matrix

    def planned(self, cells: Sequence[Cell]) -> None:
        """Say what is to be run, and what cannot be."""
        super().planned(cells)
        totals = counted(Counter(cell.state for cell in cells))
        only = f"; this run does {self.total}" if self._limit is not None else ""
        self.show(f"{self._matrix}: {totals}{only}")
        for reason, count in reasons_to_run(cells).most_common(_REASONS):
            self.show(f"to run ({count}): {reason}")
        for reason, count in skipped_reasons(cells).items():
            self.show(f"skipped ({count}): {reason}", "yellow")

    def ended(self, outcome: Outcome) -> None:
        """Write the cell's line."""
        self.ended_cells += 1
        self.show(self._line(outcome), {"failed": "red", "skipped": "yellow"}.get(outcome.state, ""))

    def warned(self, message: str) -> None:
        """Write the warning."""
        self.show(f"warning: {message}", "yellow")


def skipped_reasons(cells: Sequence[Cell]) -> Mapping[str, int]:
    """Why cells cannot run here, and how many for each reason."""
    return Counter(cell.reason or "no reason given" for cell in cells if cell.state == "skipped")


def reasons_to_run(cells: Sequence[Cell]) -> Counter[str]:
    """Why cells are to be run that are not simply new, and how many for each reason."""
    known = (cell for cell in cells if cell.state == "run" and cell.cause not in (None, "new"))
    return Counter(cell.reason or "" for cell in known)
