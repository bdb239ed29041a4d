"""A cell runs as it was planned, or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.cells.run import run_cell
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store


@pytest.fixture
def reason(tmp_path: Path, environment_of: Callable[[Path], Any]) -> Callable[[Cell], str | None]:
    """Why a cell does not finish."""

    def run(cell: Cell) -> str | None:
        outcome = run_cell(cell, Store(tmp_path / "store"), environment_of(tmp_path / "store"), lambda progress: None)
        assert outcome.state == "failed"
        return outcome.reason

    return run


def test_a_component_that_changed_after_the_plan(
    plan_cells: Callable[..., list[Cell]],
    reason: Callable[[Cell], str | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from zsg_plugins.arrangements.random import Random

    (cell,) = plan_cells()
    monkeypatch.setattr(Random, "revision", 5)
    assert reason(cell) == (
        "this is not what was planned: arrangement random's revision 1 → 5; the same command plans anew"
    )


def test_data_and_a_model_that_changed_after_the_plan(
    plan_cells: Callable[..., list[Cell]], reason: Callable[[Cell], str | None], small_model: Path, tmp_path: Path
) -> None:
    data, model = tmp_path / "data.jsonl", tmp_path / "model"
    rows = [{"prompt": f"{task} {n}", "completion": "x", "task": f"t{task}"} for task in range(4) for n in range(12)]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    model.mkdir()
    for file in small_model.iterdir():
        (model / file.name).write_bytes(file.read_bytes())
    datasets = [{"use": "jsonl", "path": str(data), "unseen": ["t3"], "label": "mine"}]
    (cell,) = plan_cells(matrix={"datasets": datasets, "models": [str(model)], "budgets": [8]})
    data.write_text(data.read_text().replace('"x"', '"y"'))
    assert reason(cell) == "mine: the data changed since it was planned; the same command plans anew"
    (cell,) = plan_cells(matrix={"datasets": datasets, "models": [str(model)], "budgets": [8]})
    (model / "config.json").write_text((model / "config.json").read_text() + "\n")
    assert reason(cell) == "this is not what was planned: model changed; the same command plans anew"
