"""The order of a cell: consumed step by step as planned, kept in a file that can be run again."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from zsg_harness.cells.run import run_cell
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store
from zsg_registry import OrderFile

PlanCells = Callable[..., list[Cell]]
EnvironmentOf = Callable[[Path], Any]


@pytest.fixture
def run(environment_of: EnvironmentOf, tmp_path: Path) -> Callable[[Cell], tuple[Path, dict[str, Any]]]:
    """Run a cell; returns its folder and its status."""

    def one(cell: Cell) -> tuple[Path, dict[str, Any]]:
        outcome = run_cell(cell, Store(tmp_path), environment_of(tmp_path), lambda progress: None)
        assert outcome.state == "finished", outcome.reason
        attempt = Store(tmp_path).committed(cell.cell_id)
        assert attempt is not None
        folder = attempt.folder
        return folder, json.loads((folder / "status.json").read_text())

    return one


@pytest.mark.parametrize("epochs", [1, 2])
def test_steps_of_unequal_size_are_consumed_as_they_are(plan_cells: PlanCells, run: Any, epochs: int) -> None:
    # Tasks of two examples and batches of sixteen: each step is one task's.
    cell, control = plan_cells(
        matrix={"arrangements": ["commonit"], "controls": ["shuffle"], "budgets": [39]}, training={"epochs": epochs}
    )
    folder, status = run(cell)
    order, receipt = (pd.read_parquet(folder / f"{name}.parquet") for name in ("order", "receipt"))
    assert order["step"].tolist() == receipt["step"].tolist()
    assert order["example_id"].tolist() == receipt["example_id"].tolist()
    assert receipt.groupby("step").size().tolist() == ([2] * 19 + [1]) * epochs
    assert (order.groupby("step")["stage_name"].nunique() == 1).all()
    train = pd.read_parquet(folder / "train.parquet")
    assert train["step"].tolist() == list(range(1, 20 * epochs + 1))
    assert status["steps"] == 20 * epochs
    _, shuffled = run(control)
    assert shuffled["set_hash"] == status["set_hash"]
    assert shuffled["order_hash"] != status["order_hash"]


def test_the_control_of_an_order_that_underfills_has_its_set(plan_cells: PlanCells, run: Any) -> None:
    cells = plan_cells(matrix={"arrangements": ["knn-union[k=1]"], "controls": ["shuffle"], "budgets": ["all"]})
    (_, own), (_, control) = map(run, cells)
    assert own["examples"] < own["roles"]["pool"]
    assert control["set_hash"] == own["set_hash"]
    assert control["order_hash"] != own["order_hash"]


@pytest.mark.parametrize("arrangement", ["tma | reverse", "commonit"])
def test_a_cells_order_is_replayed_without_what_made_it(
    arrangement: str, plan_cells: PlanCells, run: Any, tmp_path: Path
) -> None:
    (cell,) = plan_cells(matrix={"arrangements": [arrangement]})
    folder, status = run(cell)
    order = (folder / "order.parquet").rename(tmp_path / "kept.parquet")
    (replay,) = plan_cells(matrix={"arrangements": [{"use": "replay", "file": str(order)}]})
    assert replay.access == cell.access
    assert replay.embedder is None
    again, replayed = run(replay)
    assert (replayed["set_hash"], replayed["order_hash"]) == (status["set_hash"], status["order_hash"])
    tables = [OrderFile.read(path) for path in (order, again / "order.parquet")]
    assert tables[0].to_arrow().equals(tables[1].to_arrow())
    scores = [pd.read_parquet(path / "scores.parquet") for path in (folder, again)]
    pd.testing.assert_frame_equal(*scores, check_exact=True)


def test_the_file_says_where_the_order_came_from(plan_cells: PlanCells, run: Any) -> None:
    (cell,) = plan_cells(
        matrix={"arrangements": ["tma[view=prompt] | shuffle"], "seeds": [7], "budgets": [{"tokens": 900}]},
        data={"oracle": True},
    )
    folder, status = run(cell)
    document = OrderFile.read(folder / "order.parquet").document
    told = {name: document[name] for name in ("arrangement", "access", "oracle", "seed", "budget", "token_budget")}
    assert told == {
        "arrangement": "tma[view=prompt] | shuffle",
        "access": "prompts",
        "oracle": True,
        "seed": 7,
        "budget": "all",
        "token_budget": 900,
    }
    assert [part["name"] for part in document["components"]] == ["tma", "shuffle"]
    assert document["embedder"]["reference"] == "tfidf"
    assert document["model"]["content"] == cell.model_hash
    assert document["pool"]["examples"] == status["roles"]["pool"]
    assert document["query"]["examples"] == status["roles"]["query"]
    assert (document["set_hash"], document["order_hash"]) == (status["set_hash"], status["order_hash"])
