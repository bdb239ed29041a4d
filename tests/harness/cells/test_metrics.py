"""Metrics of every scope in whole cells: what is kept of them, and that they change nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from zsg_harness.cells import records as records_module
from zsg_harness.cells.evaluation import Evaluation
from zsg_harness.cells.preflight import preflight
from zsg_harness.cells.records import Records
from zsg_harness.cells.run import run_cell
from zsg_harness.evaluation.rescore import rescore
from zsg_harness.evaluation.scoring import score_scopes
from zsg_harness.matrix.expand import Expander
from zsg_harness.matrix.load import check_matrix
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.build import build_plan
from zsg_harness.plan.cell import Cell
from zsg_harness.reports import build
from zsg_harness.services.surroundings import DownloadFolder
from zsg_harness.store.cache import Cache
from zsg_harness.store.store import Store
from zsg_plugins.metrics.exact_match import ExactMatch
from zsg_registry import ExampleSet, MetricBatch, Registry, ZsgError, parse_pipeline

PlanCells = Callable[..., list[Cell]]
DATA = {"per_unseen_task": 2, "query_per_task": 2, "probe_per_task": 1}


def finished(cell: Cell, folder: Path, environment_of: Callable[[Path], Any]) -> dict[str, pd.DataFrame]:
    """The tables of a cell that is run."""
    outcome = run_cell(cell, Store(folder), environment_of(folder), lambda progress: None)
    assert outcome.state == "finished", outcome.reason
    return tables(folder, cell)


def tables(folder: Path, cell: Cell) -> dict[str, pd.DataFrame]:
    attempt = Store(folder).committed(cell.cell_id)
    assert attempt is not None
    return {
        name[:-8]: attempt.read_table(name[:-8]).to_pandas() for name in attempt.names() if name.endswith(".parquet")
    }


def test_scores_of_every_scope_are_kept_apart_and_change_no_other(
    plan_cells: PlanCells, environment_of: Callable[[Path], Any], lm_eval_tasks: Path, tmp_path: Path
) -> None:
    external = f"lm-eval[tasks=local_choice,include_path={lm_eval_tasks}]"
    others: dict[str, Any] = {"data": DATA, "training": {"dropout": True}, "evaluation": {"generate_at": [0, "last"]}}
    (plain,) = plan_cells(**others)
    (cell,) = plan_cells(
        matrix={"metrics": ["loss", "perplexity", "exact-match", "seen-loss", "rank-accuracy", external]},
        **others,
    )
    assert cell.training_id == plain.training_id
    assert cell.cell_id != plain.cell_id  # two of the metrics need the model

    alone, found = finished(plain, tmp_path / "plain", environment_of), finished(cell, tmp_path / "all", environment_of)
    for name in ("order", "receipt", "examples", "probe"):
        pd.testing.assert_frame_equal(alone[name], found[name], check_exact=True)
    of_loss = found["scores"][found["scores"]["metric"].isin(["loss", "loss_token"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(alone["scores"], of_loss, check_exact=True)
    assert "metrics" not in alone  # there is nothing to keep but losses

    scores, last = found["scores"], found["receipt"]["step"].max()
    steps = scores.groupby("metric")["step"].unique().map(list).to_dict()
    assert steps["seen_loss"] == steps["loss"] == sorted(found["probe"]["step"].unique())
    assert steps["lm_eval_acc"] == steps["exact_match"] == [0, last]
    of_task = found["probe"].groupby(["step", "task"])["loss"].mean()
    for row in scores[scores["metric"] == "seen_loss"].itertuples():
        assert row.value == of_task[row.step, row.task]
    assert not set(found["probe"]["example_id"]) & set(found["receipt"]["example_id"])

    kept = found["metrics"]
    assert set(kept["metric"]) == {"exact_match", "lm_eval_acc", "lm_eval_acc_norm", "lm_eval_acc_bytes"}
    kept = kept[kept["step"] == last]
    exact = kept[kept["metric"] == "exact_match"]
    assert exact["example_id"].tolist() == found["examples"]["example_id"].tolist()[-len(exact) :]
    means = scores[(scores["metric"] == "exact_match") & (scores["step"] == last)].set_index("task")["value"]
    assert exact.groupby("task")["value"].mean().to_dict() == means.to_dict()

    board = build(Store(tmp_path / "all"), tmp_path / "report").rows.iloc[0]
    assert board["seen/seen_loss"] == pytest.approx(of_task[last].mean())
    assert board["external/lm_eval_acc"] == pytest.approx(kept[kept["metric"] == "lm_eval_acc"]["value"].mean())
    assert board["perplexity"] == pytest.approx(
        np.exp(scores[(scores["metric"] == "loss_token") & (scores["step"] == last)]["value"].mean())
    )
    reference = build(Store(tmp_path / "plain"), tmp_path / "other").rows.iloc[0]
    for figure in ("aulc", "loss_final", "loss_final_token", "loss_best"):
        assert board[figure] == reference[figure]


def test_losses_on_seen_tasks_can_be_added_to_a_finished_cell(
    plan_cells: PlanCells, environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    choice = Expander(Registry(), Path()).choice("metric", parse_pipeline("seen-loss"))
    (cell,) = plan_cells(data=DATA)
    (with_it,) = plan_cells(matrix={"metrics": ["loss", "seen-loss"]}, data=DATA)
    assert with_it.cell_id == cell.cell_id  # it needs no model
    finished(cell, tmp_path / "a", environment_of)
    rescore(Store(tmp_path / "a"), cell.cell_id, choice)
    added = tables(tmp_path / "a", cell)["scores.seen-loss"]
    scores = finished(with_it, tmp_path / "b", environment_of)["scores"]
    expected = scores[scores["metric"] == "seen_loss"].reset_index(drop=True)
    pd.testing.assert_frame_equal(added[expected.columns], expected, check_exact=True)


def test_without_held_out_examples_there_is_nothing_to_add(
    plan_cells: PlanCells,
    small_matrix: Callable[..., dict[str, Any]],
    environment_of: Callable[[Path], Any],
    tmp_path: Path,
) -> None:
    document = small_matrix(matrix={"metrics": ["loss", "seen-loss"]})
    plan = build_plan(check_matrix(document, "the test", Path()), Registry())
    assert plan.warnings == ("metric 'seen-loss' scores held-out examples of seen tasks: set data.probe_per_task",)
    (cell,) = plan.cells
    assert cell.state == "run"
    assert "seen_loss" not in set(finished(cell, tmp_path, environment_of)["scores"]["metric"])
    choice = Expander(Registry(), Path()).choice("metric", parse_pipeline("seen-loss"))
    with pytest.raises(ZsgError, match=r"data.probe_per_task is 0, so it kept no losses on seen tasks"):
        rescore(Store(tmp_path), cell.cell_id, choice)


def test_values_by_example_of_an_added_metric_are_kept(
    plan_cells: PlanCells, environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    (cell,) = plan_cells()
    finished(cell, tmp_path, environment_of)
    choice = Expander(Registry(), Path()).choice("metric", parse_pipeline("token-f1"))
    rescore(Store(tmp_path), cell.cell_id, choice)
    found = tables(tmp_path, cell)
    assert found["metrics.token-f1"].groupby("task")["value"].mean().to_dict() == (
        found["scores.token-f1"].set_index("task")["value"].to_dict()
    )


def test_a_model_that_is_not_there_skips_cells_and_a_task_that_is_not_is_bad_input(
    plan_cells: PlanCells, lm_eval_tasks: Path, tmp_path: Path
) -> None:
    (cell,) = plan_cells(matrix={"metrics": ["loss", "reward[model=nobody/nothing]"]})
    assert cell.state == "skipped"
    assert cell.reason is not None
    assert "once, with network: hf download nobody/nothing" in cell.reason

    cells = plan_cells(matrix={"metrics": [f"lm-eval[tasks=nope,include_path={lm_eval_tasks}]"]})
    with pytest.raises(ZsgError, match="metric 'lm-eval': no task 'nope'"):
        preflight(cells, Registry(), DownloadFolder(tmp_path, offline=True), Cache(tmp_path / "cache"), RunTable())


def test_values_by_example_are_bounded(monkeypatch: pytest.MonkeyPatch, examples: ExampleSet) -> None:
    monkeypatch.setattr(records_module, "_MOST_VALUES", 100)
    batch = MetricBatch(examples, np.ones(40), np.ones(40, dtype=int), ["x"] * 40)
    kept = Records([])
    for step in range(4):
        kept.evaluated(step, 0, Evaluation({"unseen": batch}, score_scopes([ExactMatch()], {"unseen": batch})))
    assert kept.tables["metrics"]["step"].unique().to_pylist() == [2, 3]
    assert kept.tables["scores"]["step"].unique().to_pylist() == [0, 1, 2, 3]
    again = Records([])
    again.resume(kept.tables, [])
    assert again.tables == kept.tables


def test_metrics_json_tells_scope_and_average(
    plan_cells: PlanCells, environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    (cell,) = plan_cells(matrix={"metrics": ["loss", "perplexity", "seen-loss"]}, data=DATA)
    finished(cell, tmp_path, environment_of)
    attempt = Store(tmp_path).committed(cell.cell_id)
    assert attempt is not None
    told: Mapping[str, Any] = json.loads((attempt.folder / "metrics.json").read_text())
    assert told["perplexity"] == {"direction": "lower", "scope": "unseen", "averaging": "geometric"}
    assert told["seen_loss"] == {"direction": "lower", "scope": "seen"}
    assert attempt.read_json("status")["probeset"] != attempt.read_json("status")["evalset"]
