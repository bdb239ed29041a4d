"""Online arrangements: asked for segments as training goes, with the losses that the harness really measured."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from zsg_harness.cells.run import run_cell
from zsg_harness.cells.segments import OnlineSegments
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store
from zsg_registry import ContractError, Order, Segment


@pytest.fixture
def cell(plan_cells: Callable[..., list[Cell]]) -> Cell:
    """Three segments of four steps of four examples."""
    (cell,) = plan_cells(
        matrix={"arrangements": ["skill-it[segment_steps=4]"], "budgets": [45]},
        data={"probe_per_task": 1},
        training={"batch_size": 4},
    )
    return cell


def test_each_segment_is_asked_for_with_the_losses_of_then(
    cell: Cell, environment_of: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zsg_plugins.arrangements.skill_it import SkillIt

    asked: list[list[Segment]] = []
    next_segment = SkillIt.next_segment

    def recording(self: SkillIt, context: Any, history: Sequence[Segment]) -> Order | None:
        asked.append(list(history))
        return next_segment(self, context, history)

    monkeypatch.setattr(SkillIt, "next_segment", recording)
    store = Store(tmp_path)
    outcome = run_cell(cell, store, environment_of(tmp_path), lambda progress: None)
    assert outcome.state == "finished", outcome.reason
    assert [len(history) for history in asked] == [0, 1, 2, 3]
    first, second, third = (segment.losses for segment in asked[-1])
    assert set(first) == set(second) == set(third)
    assert np.mean(list(third.values())) < np.mean(list(first.values()))

    attempt = store.committed(cell.cell_id)
    assert attempt is not None
    folder = attempt.folder
    order, receipt = (pd.read_parquet(folder / f"{name}.parquet") for name in ("order", "receipt"))
    assert order["example_id"].tolist() == receipt["example_id"].tolist()
    assert order["example_id"].is_unique
    assert order["stage"].tolist() == [0] * 16 + [1] * 16 + [2] * 13
    assert order["step"].tolist() == receipt["step"].tolist()
    assert receipt["step"].max() == 12
    assert set(pd.read_parquet(folder / "scores.parquet")["step"]) == {0, 1, 2, 5, 10, 12}


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({"data": {}}, "goes by losses on held-out examples: set data.probe_per_task"),
        ({"training": {"epochs": 2}}, "is online, which is for one epoch"),
        ({"matrix": {"arrangements": ["skill-it | reverse"]}}, "a transform needs the whole order"),
    ],
)
def test_what_cannot_be_online_is_skipped_and_says_why(
    tables: dict[str, Any], reason: str, plan_cells: Callable[..., list[Cell]]
) -> None:
    base = {"matrix": {"arrangements": ["skill-it"]}, "data": {"probe_per_task": 1}}
    (cell,) = plan_cells(**base | tables)
    assert cell.state == "skipped"
    assert cell.reason is not None
    assert reason in cell.reason


def test_an_arrangement_that_is_not_pure_is_found_out() -> None:
    answers = iter([Order(np.arange(4)), Order(np.arange(4, 8)), Order(np.arange(4)), None])
    segments = OnlineSegments(lambda history: next(answers), 8, 2)
    assert segments.extend(dict)
    assert segments.extend(lambda: {"a": 1.0})
    again = OnlineSegments(lambda history: next(answers), 8, 2)
    with pytest.raises(ContractError, match="stops earlier than before"):
        again.resume(segments.history())
