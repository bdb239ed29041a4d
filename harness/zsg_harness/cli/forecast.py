"""How long a run will take, from what has been seen of it."""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Final, NamedTuple

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.evaluation.steps import evaluation_steps
from zsg_harness.plan.cell import Cell

_MANY: Final = 500
"""Cells of which it does not matter who takes which."""


class _Kind(NamedTuple):
    """Cells that take about as long as each other."""

    model: str
    dataset: str
    budget: str


class _Duration(NamedTuple):
    """How long a cell takes.

    Attributes:
        total: In all, in seconds.
        training: The part of it that goes into optimizer steps, and grows with the budget.
    """

    total: float
    training: float


class Forecast:
    """The time that is left, of cells and of all. It says nothing before it has seen something.

    Steps and evaluations are timed apart: at first a cell is scored after nearly every step, and later seldom. Cells
    that have not begun are expected to take as long as others of the same model, data and budget.
    """

    def __init__(self, cells: Sequence[Cell], clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._cells = {cell.cell_id: cell for cell in cells}
        self._waiting = dict(self._cells)
        self._running: dict[str, _Pace] = {}
        self._took: dict[str, _Duration] = {}
        self._workers = 1

    def progressed(self, progress: Progress) -> None:
        """A cell got on."""
        cell = self._cells[progress.cell_id]
        self._waiting.pop(progress.cell_id, None)
        pace = self._running.setdefault(progress.cell_id, _Pace(cell, self._clock()))
        pace.note(progress, self._clock())
        self._workers = max(self._workers, len(self._running))

    def put_back(self, cell_id: str) -> None:
        """A cell is to be run again from its beginning."""
        self._running.pop(cell_id, None)
        self._waiting[cell_id] = self._cells[cell_id]

    def ended(self, outcome: Outcome) -> None:
        """A cell ended."""
        self._waiting.pop(outcome.cell_id, None)
        pace = self._running.pop(outcome.cell_id, None)
        if outcome.state == "finished":
            self._took[outcome.cell_id] = _Duration(outcome.seconds, pace.training if pace else 0.0)

    def left_of(self, cell_id: str) -> float | None:
        """Seconds that a running cell still takes."""
        pace = self._running.get(cell_id)
        return None if pace is None else pace.left(self._clock())

    def left(self) -> float | None:
        """Seconds until everything is done."""
        now = self._clock()
        running = {cell_id: pace.left(now) for cell_id, pace in self._running.items()}
        known = dict(self._took)
        for cell_id, left in running.items():
            if left is not None:
                pace = self._running[cell_id]
                known[cell_id] = _Duration(now - pace.since + left, pace.training)
        if not known:
            return None
        expected = _Expected((self._cells[cell_id], duration) for cell_id, duration in known.items())
        lefts = [
            max(0.0, expected(self._cells[cell_id]) - (now - self._running[cell_id].since)) if left is None else left
            for cell_id, left in running.items()
        ]
        ahead = [expected(cell) for cell in self._waiting.values()]
        if len(ahead) > _MANY:
            return (sum(ahead) + sum(lefts)) / self._workers
        # Which worker is free first takes the next: at the end some have nothing to do.
        free = sorted([*lefts, *[0.0] * (self._workers - len(lefts))])
        for seconds in ahead:
            heapq.heapreplace(free, free[0] + seconds)
        return max(free)


class _Expected:
    """How long a cell takes, by those of which it is known."""

    def __init__(self, known: Iterable[tuple[Cell, _Duration]]) -> None:
        by_kind: dict[_Kind, list[_Duration]] = {}
        for cell, duration in known:
            by_kind.setdefault(_kind(cell), []).append(duration)
        self._means = {kind: _Duration(*map(fmean, zip(*every, strict=True))) for kind, every in by_kind.items()}

    def __call__(self, cell: Cell) -> float:
        kind = _kind(cell)
        if kind in self._means:
            return self._means[kind].total
        return fmean(
            total + training * (_ratio(kind.budget, known.budget) - 1)
            for known, (total, training) in self._means.items()
        )


def _kind(cell: Cell) -> _Kind:
    return _Kind(cell.labels.model, cell.labels.dataset, cell.labels.budget)


def _ratio(budget: str, known: str) -> float:
    """How much more one budget is than another, where both are numbers of the same thing."""
    number, _, unit = budget.partition(" ")
    other, _, other_unit = known.partition(" ")
    if unit == other_unit and number.isdigit() and other.isdigit():
        return int(number) / int(other)
    return 1.0


class _Pace:
    """How fast a running cell goes.

    Attributes:
        since: When it began.
    """

    def __init__(self, cell: Cell, now: float) -> None:
        self.since = now
        self._cell = cell
        self._last = now
        self._step = self._steps = 0
        self._scored = -1
        self._training = _Mean()
        self._scoring = _Mean()

    def note(self, progress: Progress, now: float) -> None:
        """It got so far."""
        if progress.stage == "training":
            self._training.add(now - self._last)
        elif progress.scores:
            self._scoring.add(now - self._last)
            self._scored = progress.step
        self._step, self._steps, self._last = progress.step, progress.steps, now

    @property
    def training(self) -> float:
        """Seconds that all of its steps take together."""
        return self._steps * self._training.usual

    def left(self, now: float) -> float | None:
        """Seconds it still takes; None before its first step."""
        if not self._training.count:
            return None
        ahead = sum(step > self._scored for step in evaluation_steps(self._cell.evaluation, self._steps))
        seconds = (self._steps - self._step) * self._training.usual + ahead * self._scoring.usual
        return max(0.0, seconds - (now - self._last))


class _Mean:
    """How long something usually takes. What comes first is slower, because everything is loaded for it."""

    def __init__(self) -> None:
        self.count = 0
        self._first = 0.0
        self._later = 0.0

    def add(self, seconds: float) -> None:
        """It took so long."""
        if self.count:
            self._later += seconds
        else:
            self._first = seconds
        self.count += 1

    @property
    def usual(self) -> float:
        """The mean without the first, if there are others."""
        return self._later / (self.count - 1) if self.count > 1 else self._first
