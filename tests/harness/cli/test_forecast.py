"""The time that is left, foreseen on runs whose course is known."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.cli.forecast import Forecast
from zsg_harness.evaluation.steps import evaluation_steps
from zsg_harness.matrix.load import load_matrix
from zsg_harness.plan.build import build_plan
from zsg_harness.plan.cell import Cell
from zsg_registry import Registry

LOADING, STEP, SCORING = 8.0, 0.5, 3.0


class Moment(NamedTuple):
    at: float
    tell: Callable[[Forecast], None]


@pytest.fixture
def cells(mini: Path) -> list[Cell]:
    """Twelve cells: six of a budget that is ten times that of the others."""
    small, large = {}, {}
    for cell in build_plan(load_matrix(mini), Registry()).cells:
        (large if cell.labels.budget == "500" else small)[cell.cell_id] = cell
    one, other = next(iter(small.values())), next(iter(large.values()))
    labels = one.labels.model_copy(update={"budget": "50"})
    short = [one.model_copy(update={"cell_id": f"s{i}", "labels": labels}) for i in range(6)]
    return short + [other.model_copy(update={"cell_id": f"l{i}"}) for i in range(6)]


def course(cells: Sequence[Cell], workers: int) -> list[Moment]:
    """What a run of these cells tells, and when: loading, then steps, scored at the steps of the plan."""
    moments: list[Moment] = []
    free = [0.0] * workers
    for cell in cells:
        began = now = heapq.heappop(free)
        steps = int(cell.labels.budget) // 5
        moments.append(Moment(now, lambda f, c=cell: f.progressed(Progress(c.cell_id, "starting"))))
        now += LOADING
        for step in range(steps + 1):
            if step:
                now += STEP
                told = Progress(cell.cell_id, "training", step, steps)
                moments.append(Moment(now, lambda f, told=told: f.progressed(told)))
            if step in evaluation_steps(cell.evaluation, steps):
                told = Progress(cell.cell_id, "evaluating", step, steps)
                moments.append(Moment(now, lambda f, told=told: f.progressed(told)))
                now += SCORING
                told = Progress(cell.cell_id, "evaluating", step, steps, scores={"loss": 1.0})
                moments.append(Moment(now, lambda f, told=told: f.progressed(told)))
        outcome = Outcome(cell.cell_id, "finished", None, now - began, {})
        moments.append(Moment(now, lambda f, outcome=outcome: f.ended(outcome)))
        heapq.heappush(free, now)
    return sorted(moments, key=lambda moment: moment.at)


def guesses(cells: Sequence[Cell], workers: int) -> dict[float, float | None]:
    """What is foreseen at each moment of a run, as a share of what it really takes from there."""
    clock = [0.0]
    forecast = Forecast(cells, lambda: clock[0])
    moments = course(cells, workers)
    end, found = moments[-1].at, {}
    for moment in moments[:-1]:
        clock[0] = moment.at
        moment.tell(forecast)
        left = forecast.left()
        found[moment.at] = None if left is None else left / (end - moment.at or 1)
    return found


def test_the_first_minute_is_foreseen_by_its_own_steps(cells: list[Cell]) -> None:
    found = guesses(cells[:6], workers=2)
    assert all(guess is None for at, guess in found.items() if at < LOADING + SCORING)
    later = [guess for at, guess in found.items() if at > 15]
    assert all(guess is not None and 0.9 < guess < 1.1 for guess in later[:-2])


def test_cells_of_very_different_length_are_told_apart(cells: list[Cell]) -> None:
    found = guesses([cells[0], cells[6], *cells[1:6], *cells[7:]], workers=2)
    later = [guess for at, guess in found.items() if at > 15]
    assert all(guess is not None and 0.9 < guess < 1.1 for guess in later[:-2])


def test_a_budget_that_was_not_seen_is_reckoned_from_another(cells: list[Cell]) -> None:
    found = guesses([*cells[:2], *cells[6:]], workers=2)
    # Training grows with the budget; that a longer cell is scored a little more often is seen when one is under way.
    assert all(guess is not None and 0.8 < guess < 1.1 for at, guess in found.items() if 15 < at < 38)
    assert all(guess is not None and 0.9 < guess < 1.1 for at, guess in found.items() if 41 < at < 0.95 * max(found))


def test_what_is_tried_again_counts_again_and_failures_teach_nothing(cells: list[Cell]) -> None:
    clock = [0.0]
    forecast = Forecast(cells[:3], lambda: clock[0])
    forecast.progressed(Progress("s0", "starting"))
    forecast.ended(Outcome("s0", "failed", "at once", 0.1, {}))
    assert forecast.left() is None
    forecast.progressed(Progress("s1", "starting"))
    forecast.ended(Outcome("s1", "finished", None, 40.0, {}))
    assert forecast.left() == 40.0
    forecast.progressed(Progress("s2", "starting"))
    clock[0] = 30.0
    assert forecast.left() == 10.0
    assert forecast.left_of("s2") is None
    forecast.put_back("s2")
    assert forecast.left() == 40.0
