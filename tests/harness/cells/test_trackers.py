"""What a cell reports to trackers is what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from zsg_harness.cells.run import run_cell
from zsg_harness.cells.trackers import check_trackers
from zsg_harness.executors.process import WorkerSettings, make_environment
from zsg_harness.executors.slots import Slot
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store
from zsg_registry import ZsgError

PlanCells = Callable[..., list[Cell]]


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """An environment for cells sets the number of threads."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run(cell: Cell, folder: Path, track: list[str]) -> tuple[Any, Path | None]:
    store = Store(folder)
    environment = make_environment(WorkerSettings(str(folder), RunTable(track=track), Slot(0, "", 1)))
    outcome = run_cell(cell, store, environment, lambda progress: None)
    committed = store.committed(cell.cell_id)
    return outcome, None if committed is None else committed.folder


def events(folder: Path) -> Any:
    """The events in a folder, as tensorboard itself reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return accumulator


def curve(folder: Path, name: str) -> tuple[list[int], list[float]]:
    logged = events(folder).Scalars(name)
    return [event.step for event in logged], [event.value for event in logged]


def test_tensorboard_shows_the_curves_that_are_kept(plan_cells: PlanCells, tmp_path: Path) -> None:
    cells = plan_cells(matrix={"seeds": [0, 1]}, training={"schedule": "cosine"})
    assert len(cells) == 2
    for cell in cells:
        outcome, folder = run(cell, tmp_path, ["tensorboard"])
        assert outcome.state == "finished", outcome.reason
        assert folder is not None
        logged = tmp_path / "trackers" / cell.cell_id
        train = pd.read_parquet(folder / "train.parquet")
        assert len(train) == 3
        steps, losses = curve(logged, "train/loss")
        assert steps == train["step"].tolist()
        assert losses == pytest.approx(train["loss"].tolist(), rel=1e-6)
        assert curve(logged, "train/learning_rate")[1] == pytest.approx(train["lr"].tolist(), rel=1e-6)
        scores = pd.read_parquet(folder / "scores.parquet")
        means = scores[scores["metric"] == "loss"].groupby("step")["value"].mean()
        steps, losses = curve(logged, "unseen/loss")
        assert steps == means.index.tolist() == [0, 1, 2, 3]
        assert losses == pytest.approx(means.tolist(), rel=1e-6)
        (settings,) = logged.rglob("hparams.yml")
        assert f"seeds: '{', '.join(cell.user_seeds)}'" in settings.read_text()
        # What trackers write is not the cell's result.
        assert not list(folder.rglob("*tfevents*"))


def test_no_tracker_writes_nothing(plan_cells: PlanCells, tmp_path: Path) -> None:
    (cell,) = plan_cells()
    assert run(cell, tmp_path, [])[0].state == "finished"
    assert not (tmp_path / "trackers").exists()


def test_a_cell_that_fails_has_told_its_tracker_what_it_did(plan_cells: PlanCells, tmp_path: Path) -> None:
    (cell,) = plan_cells(training={"learning_rate": 1e38})
    outcome, _ = run(cell, tmp_path, ["tensorboard"])
    assert outcome.state == "failed"
    assert "not finite" in outcome.reason
    assert curve(tmp_path / "trackers" / cell.cell_id, "train/loss")[0] == [1]


@pytest.mark.parametrize(("name", "hint"), [("tensorbord", "'tensorboard'"), ("wandbb", "'wandb'"), ("", "wandb")])
def test_an_unknown_tracker_is_answered_with_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ZsgError) as caught:
        check_trackers(["tensorboard", name])
    assert str(caught.value).startswith(f"unknown tracker {name!r} (")
    assert hint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tracker_that_is_not_installed_is_one_clear_line(monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate import tracking

    here = [tracker for tracker in tracking.get_available_trackers() if tracker.value != "comet_ml"]
    monkeypatch.setattr(tracking, "get_available_trackers", lambda: here)
    with pytest.raises(ZsgError) as caught:
        check_trackers(["tensorboard", "comet_ml"])
    assert str(caught.value) == "tracker 'comet_ml' is not installed: pip install comet_ml"


def test_no_tracker_needs_nothing() -> None:
    check_trackers([])
    check_trackers(["tensorboard"])
