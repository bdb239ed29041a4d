"""What a cell takes, in which order cells run, and when they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from zsg_harness.plan.build import Plan
from zsg_harness.plan.estimate import Estimate, Rates, estimate, kind_of
from zsg_harness.plan.schedule import ends, in_order

RATES = Rates(
    basis="a test",
    cells=2,
    pool=12,
    tokens_per_example=10,
    seconds_per_token=0.1,
    seconds_per_evaluation=2,
    seconds_besides=5,
    bytes_besides=100,
    bytes_per_example=1,
    bytes_per_evaluation=20,
)


@pytest.mark.parametrize(
    ("tables", "examples", "evaluations"),
    [
        ({}, 8, 3),  # two steps of four, scored at 0, 1 and 2
        ({"matrix": {"budgets": ["all"]}}, 12, 4),  # 0, 1, 2, 3
        ({"matrix": {"budgets": [{"tokens": 80}]}}, 8, 3),
        ({"training": {"batch_size": 4, "epochs": 3}}, 24, 5),  # 0, 1, 2, 5, 6
        ({"evaluation": {"steps": [1]}}, 8, 3),
    ],
)
def test_estimates_scale(tables: dict[str, Any], examples: int, evaluations: int, planned: Callable[..., Plan]) -> None:
    cell = planned(**{"training": {"batch_size": 4}, **tables}).cells[0]
    found = estimate(cell, RATES)
    assert (found.examples, found.tokens) == (examples, 10 * examples)
    assert found.seconds == pytest.approx(5 + examples + 2 * evaluations)
    assert found.bytes == 100 + examples + 20 * evaluations


def test_a_checkpoint_saves_what_it_keeps(planned: Callable[..., Plan]) -> None:
    cell = planned(training={"batch_size": 4}).cells[0].model_copy(update={"resumes_at": 1})
    assert estimate(cell, RATES).seconds == pytest.approx(5 + (8 + 6) / 2)


def test_what_makes_cells_alike(planned: Callable[..., Plan]) -> None:
    def kinds(**tables: Any) -> set[str]:
        return {kind_of(cell.spec) for cell in planned(**tables).cells}

    same = kinds()
    assert len(same) == 1
    assert kinds(training={"learning_rate": 1.0, "epochs": 2}) == same
    assert kinds(matrix={"budgets": [3], "seeds": [5]}) == same
    assert kinds(training={"batch_size": 2}) != same
    assert kinds(data={"per_unseen_task": 2}) != same


def test_workers_take_cells_in_their_order() -> None:
    times = [Estimate(1, 1, seconds, None, "", 0) for seconds in (4.0, 1.0, 2.0, 3.0)]
    assert ends(times, 1) == [4, 5, 7, 10]
    assert ends([*times[:2], None, *times[2:]], 2) == [4, 1, None, 3, 6]


def test_the_quickest_first(planned: Callable[..., Plan]) -> None:
    cells = planned(matrix={"arrangements": ["random"], "budgets": [8, 4, "all", 2], "seeds": [0]}).cells
    cells = (cells[0].model_copy(update={"state": "done"}), *cells[1:])

    def budgets(known: dict[str, float]) -> list[str]:
        def find(cell: Any) -> Estimate | None:
            seconds = known.get(cell.labels.budget)
            return None if seconds is None else Estimate(1, 1, seconds, None, "", 0)

        return [cell.labels.budget for cell in in_order(cells, "cheap-first", find)]

    assert budgets({}) == ["8", "2", "4", "all"]
    assert budgets({"all": 1.0, "4": 2.0}) == ["8", "all", "4", "2"]
    assert [cell.labels.budget for cell in in_order(cells, "matrix", lambda cell: None)] == ["8", "4", "all", "2"]
