"""One cell from data to commit: what it leaves behind, and that it leaves the same each time."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from zsg_harness.cells.progress import Progress
from zsg_harness.cells.run import run_cell
from zsg_harness.evaluation.rescore import missing_outputs, rescore
from zsg_harness.matrix.expand import Expander
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store
from zsg_registry import Metric, Registry, ZsgError, order_hash, parse_pipeline, set_hash

PlanCells = Callable[..., list[Cell]]
EnvironmentOf = Callable[[Path], Any]


def run(cell: Cell, folder: Path, environment_of: EnvironmentOf) -> tuple[Any, Path | None]:
    store = Store(folder)
    seen: list[Progress] = []
    outcome = run_cell(cell, store, environment_of(folder), seen.append)
    assert seen[0].stage == "loading"
    committed = store.committed(cell.cell_id)
    return outcome, None if committed is None else committed.folder


@pytest.fixture
def finished(plan_cells: PlanCells, environment_of: EnvironmentOf, tmp_path: Path) -> tuple[Cell, Path]:
    (cell,) = plan_cells(matrix={"arrangements": ["tma | reverse"]}, training={"epochs": 2})
    outcome, folder = run(cell, tmp_path, environment_of)
    assert outcome.state == "finished", outcome.reason
    assert folder is not None
    return cell, folder


def test_the_receipt_equals_the_plan(finished: tuple[Cell, Path]) -> None:
    _, folder = finished
    order, receipt = (pd.read_parquet(folder / f"{name}.parquet") for name in ("order", "receipt"))
    assert receipt["example_id"].tolist() == order["example_id"].tolist()
    assert receipt["position"].tolist() == list(range(80))
    # 40 examples in batches of 16, twice: an epoch's short last batch stays short.
    assert receipt.groupby("step").size().tolist() == [16, 16, 8, 16, 16, 8]
    status = json.loads((folder / "status.json").read_text())
    ids = order["example_id"].tolist()
    assert status["set_hash"] == set_hash(ids)
    assert status["order_hash"] == order_hash(ids, [16, 32, 40, 56, 72, 80])


def test_tables_agree_with_each_other(finished: tuple[Cell, Path]) -> None:
    _, folder = finished
    scores, examples, train = (pd.read_parquet(folder / f"{name}.parquet") for name in ("scores", "examples", "train"))
    assert sorted(scores["step"].unique()) == [0, 1, 2, 5, 6]
    groups = examples.groupby(["step", "task"])
    by_example = groups["loss"].mean()
    by_token = groups.apply(lambda group: np.average(group["loss"], weights=group["tokens"]))
    expected = {"loss": (by_example, groups.size()), "loss_token": (by_token, groups["tokens"].sum())}
    assert set(scores["metric"]) == set(expected)
    for row in scores.itertuples():
        value, count = expected[row.metric]
        assert row.value == pytest.approx(value[row.step, row.task])
        assert row.count == count[row.step, row.task]
        assert row.tokens == train.loc[train["step"] <= row.step, "tokens"].sum()
    last = examples[examples["step"] == 6]
    assert last["prediction"].notna().all()
    assert examples[examples["step"] < 6]["prediction"].isna().all()
    assert scores[scores["step"] == 6]["value"].mean() < scores[scores["step"] == 0]["value"].mean()


def test_a_cell_counts_by_its_hashes(finished: tuple[Cell, Path]) -> None:
    _, folder = finished
    done = json.loads((folder.parent / "done.json").read_text())
    assert done["attempt"] == folder.name
    assert set(done["files"]) >= {"order.parquet", "receipt.parquet", "scores.parquet", "status.json"}
    for name, expected in done["files"].items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == expected


def test_two_runs_of_one_cell_give_identical_scores(
    plan_cells: PlanCells, environment_of: EnvironmentOf, tmp_path: Path
) -> None:
    (cell,) = plan_cells()
    folders = [run(cell, tmp_path / name, environment_of)[1] for name in ("one", "two")]
    for table in ("order", "scores", "examples"):
        first, second = (pd.read_parquet(folder / f"{table}.parquet") for folder in folders if folder)
        pd.testing.assert_frame_equal(first, second, check_exact=True)


def test_the_first_commit_wins(finished: tuple[Cell, Path], environment_of: EnvironmentOf, tmp_path: Path) -> None:
    cell, folder = finished
    before = (folder.parent / "done.json").read_bytes()
    run(cell, tmp_path, environment_of)
    assert (folder.parent / "done.json").read_bytes() == before


def test_a_metric_is_added_without_training(finished: tuple[Cell, Path], tmp_path: Path) -> None:
    cell, folder = finished
    choice = Expander(Registry(), Path()).choice("metric", parse_pipeline("exact-match"))
    metric = choice.components[0]
    assert isinstance(metric, Metric)
    store, before = Store(tmp_path), (folder / "train.parquet").stat().st_mtime_ns
    assert missing_outputs(store, cell.cell_id, metric)
    rescore(store, cell.cell_id, choice)
    assert not missing_outputs(store, cell.cell_id, metric)
    added = pd.read_parquet(folder / "scores.exact-match.parquet")
    assert added["step"].unique().tolist() == [6]
    assert sorted(added["task"].unique()) == sorted(pd.read_parquet(folder / "scores.parquet")["task"].unique())
    assert (folder / "train.parquet").stat().st_mtime_ns == before


def test_the_step_0_gate_stops_a_cell_whose_model_is_not_the_others(
    plan_cells: PlanCells, environment_of: EnvironmentOf, tmp_path: Path
) -> None:
    import numpy as np

    first, second = plan_cells(matrix={"seeds": [0, 1]})
    assert run(first, tmp_path, environment_of)[0].state == "finished"
    (stored,) = (tmp_path / "cache" / "first-losses").glob("*.npy")
    losses = np.load(stored)
    losses[0] += 0.5
    np.save(stored, losses)
    outcome, folder = run(second, tmp_path, environment_of)
    assert outcome.reason == "the losses before training differ from those of other cells (by up to 0.5)"
    assert folder is None


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ({"matrix": {"budgets": [4000]}}, "the budget is 4000 examples, and the pool has 112"),
        ({"training": {"learning_rate": 1e38}}, "the loss of 24 of 24 scored examples is not finite after step 1"),
        ({"matrix": {"budgets": [{"tokens": 3}]}}, "a budget of 3 tokens does not hold the order's first example"),
    ],
)
def test_failures_are_recorded_with_their_reason(
    tables: dict[str, Any], reason: str, plan_cells: PlanCells, environment_of: EnvironmentOf, tmp_path: Path
) -> None:
    (cell,) = plan_cells(**tables)
    outcome, folder = run(cell, tmp_path, environment_of)
    assert outcome.state == "failed"
    assert outcome.reason.startswith(reason)
    assert folder is None
    status = Store(tmp_path).last_status(cell.cell_id)
    assert status is not None
    assert status["reason"] == outcome.reason


def test_a_token_budget_cuts_the_order(plan_cells: PlanCells, environment_of: EnvironmentOf, tmp_path: Path) -> None:
    (cell,) = plan_cells(matrix={"budgets": [{"tokens": 1000}]})
    _, folder = run(cell, tmp_path, environment_of)
    assert folder is not None
    status = json.loads((folder / "status.json").read_text())
    assert 900 < status["tokens"] <= 1000


def test_a_metric_that_needs_answers_is_refused_where_none_were_kept(
    plan_cells: PlanCells, environment_of: EnvironmentOf, tmp_path: Path
) -> None:
    (cell,) = plan_cells(evaluation={"generate_at": []})
    run(cell, tmp_path, environment_of)
    choice = Expander(Registry(), Path()).choice("metric", parse_pipeline("rouge"))
    with pytest.raises(ZsgError, match="kept no generations: metric 'rouge' cannot be added"):
        rescore(Store(tmp_path), cell.cell_id, choice)
