"""A run in lines: one for each cell that ends, and now and then one about those that run."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final

from zsg_harness.cli.forecast import Forecast
from zsg_harness.cli.output import counted, duration, note
from zsg_harness.listener import Listener

if TYPE_CHECKING:
    from zsg_harness.cells.outcome import Outcome
    from zsg_harness.cells.progress import Progress
    from zsg_harness.plan.cell import Cell

_FIRST_SILENCE: Final = 60.0
_LONGEST_SILENCE: Final = 1800.0
"""Seconds after which a long run says how far it is, in a log that nobody may watch."""

_SHOWN: Final = 4
_STYLES: Final = {"failed": "red", "skipped": "yellow", "stopped": "yellow", "done": "dim"}

_REASONS: Final = 5
"""Reasons to run that are told, the most frequent ones."""


def describe(cell: Cell) -> str:
    """A cell in a few words: `tma × procedural × minilm × zsg-tiny · seed 0`."""
    labels = cell.labels
    parts = [labels.arrangement, labels.dataset, labels.embedder, labels.model]
    if labels.budget != "all":
        parts.append(f"budget {labels.budget}")
    return f"{' × '.join(part for part in parts if part is not None)} · {describe_seeds(cell)}"


def describe_seeds(cell: Cell) -> str:
    """The seeds that a cell stands for: `seed 0`, or `seeds 0 1 2`."""
    return f"{'seed' if len(cell.seed_names) == 1 else 'seeds'} {' '.join(cell.seed_names)}"


class FailureLines(Listener):
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
        """Take note of the cells."""
        self.cells = {cell.cell_id: cell for cell in cells}
        self.total = len(self.chosen(cells))

    def chosen(self, cells: Sequence[Cell]) -> list[Cell]:
        """The cells that this run executes."""
        return [cell for cell in cells if cell.state == "run"][: self._limit]

    def ended(self, outcome: Outcome) -> None:
        """Tell of a failure."""
        self.ended_cells += 1
        if outcome.state == "failed":
            self.show(self._line(outcome), "red")

    def show(self, line: str, style: str = "") -> None:
        """Write a line; a display that has colours may use `style`."""
        note(line)

    def _line(self, outcome: Outcome) -> str:
        position = f"[{self.ended_cells:>{len(str(self.total))}}/{self.total}]"
        name = describe(self.cells[outcome.cell_id])
        if outcome.state == "done":
            return f"{position} {name}  done {outcome.reason}"
        if outcome.state != "finished":
            return f"{position} {outcome.state} {name}: {outcome.reason}"
        loss = outcome.scores.get("loss")
        return f"{position} {name}  {'' if loss is None else f'loss {loss:.3f}  '}{duration(outcome.seconds)}"


class CellLines(FailureLines):
    """A listener that writes a line for each cell that ends, and now and then one about those that run."""

    def __init__(self, matrix: str, limit: int | None) -> None:
        super().__init__(limit)
        self.forecast = Forecast([])
        self._matrix = matrix
        self._running: dict[str, Progress] = {}
        self._met = False
        self._silent = _FIRST_SILENCE
        self._said = time.monotonic()

    def planned(self, cells: Sequence[Cell]) -> None:
        """Say what is to be run, and what cannot be."""
        super().planned(cells)
        self.forecast = Forecast(self.chosen(cells))
        totals = counted(Counter(cell.state for cell in cells))
        only = f"; this run does {self.total}" if self._limit is not None else ""
        self.show(f"{self._matrix}: {totals}{only}")
        for reason, count in reasons_to_run(cells).most_common(_REASONS):
            self.show(f"to run ({count}): {reason}")
        for reason, count in skipped_reasons(cells).items():
            self.show(f"skipped ({count}): {reason}", "yellow")

    def progressed(self, progress: Progress) -> None:
        """Say how far the run is, if nothing was said for a while."""
        self.forecast.progressed(progress)
        self._running[progress.cell_id] = progress
        if time.monotonic() - self._said > self._silent:
            self._silent = min(2 * self._silent, _LONGEST_SILENCE)
            self.show(self._standing())

    def retried(self, outcome: Outcome) -> None:
        """Write why the cell is tried again."""
        self.forecast.put_back(outcome.cell_id)
        self._running.pop(outcome.cell_id, None)
        name = describe(self.cells[outcome.cell_id])
        self.show(f"failed, and is tried again: {name}: {outcome.reason}", "yellow")

    def ended(self, outcome: Outcome) -> None:
        """Write the cell's line."""
        self.forecast.ended(outcome)
        self._running.pop(outcome.cell_id, None)
        self.ended_cells += 1
        self.show(self._line(outcome), _STYLES.get(outcome.state, ""))

    def elsewhere(self, count: int) -> None:
        """Say once that there is another run."""
        if count and not self._met:
            self._met = True
            self.show("another run on this store has some of these cells: they are left to it, and waited for")

    def warned(self, message: str) -> None:
        """Write the warning."""
        self.show(f"warning: {message}", "yellow")

    def show(self, line: str, style: str = "") -> None:
        """Write a line."""
        self._said = time.monotonic()
        super().show(line, style)

    def _standing(self) -> str:
        running = [f"{self.cells[id].labels.arrangement} {stage_of(now)}" for id, now in self._running.items()]
        some = ", ".join(running[:_SHOWN]) + (f" and {len(running) - _SHOWN} more" if len(running) > _SHOWN else "")
        left = self.forecast.left()
        about = "" if left is None else f"; about {rough(left)} left"
        return f"[{self.ended_cells:>{len(str(self.total))}}/{self.total}] running: {some}{about}"


def stage_of(progress: Progress) -> str:
    """What a cell is doing, in a word or two: `loading`, `120/500`."""
    return f"{progress.step}/{progress.steps}" if progress.steps else progress.stage


def rough(seconds: float) -> str:
    """A guess at a length of time, no finer than it can be known: `10 s`, `4 min`, `2 h 10 min`."""
    if seconds < 55:
        return f"{max(5, 5 * round(seconds / 5))} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        minutes = 10 * round(minutes / 10)
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{round(minutes / 60 / 24)} days"


def skipped_reasons(cells: Sequence[Cell]) -> Mapping[str, int]:
    """Why cells cannot run here, and how many for each reason."""
    return Counter(cell.reason or "no reason given" for cell in cells if cell.state == "skipped")


def reasons_to_run(cells: Sequence[Cell]) -> Counter[str]:
    """Why cells are to be run that are not simply new, and how many for each reason."""
    known = (cell for cell in cells if cell.state == "run" and cell.cause not in (None, "new"))
    return Counter(cell.reason or "" for cell in known)
