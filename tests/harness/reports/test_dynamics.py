"""What a leaderboard says of how training went: landmarks, ranks over training, drops; checked by hand."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.reports import build
from zsg_harness.reports.landmarks import crossing
from zsg_harness.store.store import Store


@given(st.lists(st.floats(0.1, 9), min_size=2, max_size=8, unique=True), st.floats(0.1, 9))
def test_a_crossing_lies_on_the_curve_drawn_over_log_steps(losses: list[float], target: float) -> None:
    loss = np.array(sorted(losses, reverse=True))
    steps = np.cumsum(np.arange(len(loss))).astype(np.float64)
    found = crossing(steps, loss, target)
    if target < loss[-1]:
        assert found == math.inf
    elif target >= loss[0]:
        assert found == 0
    else:
        assert np.interp(np.log1p(found), np.log1p(steps), loss) == pytest.approx(target)


def test_a_crossing_is_the_first_one() -> None:
    steps = np.array([0.0, 1, 2, 5])
    assert crossing(steps, np.array([9.0, 5, 8, 4]), 5.0) == pytest.approx(1)


@pytest.fixture
def report(store: Any, tmp_path: Path) -> Path:
    for seed, last in enumerate([5.0, 5.0]):
        streams = {"data": None, "order": seed, "train": None}
        store.cell("random", [9.0, 6.0, last], order=f"r{seed}", seeds=[seed], streams=streams)
    store.cell("nft", [9.0, 5.0, 4.5], order="n", embedder="e")
    store.cell(
        "fft", {"task-a": [9.0, 9.1, 8.8], "task-b": [9.0, 8.9, 9.9]}, order="f", embedder="e", tokens_per_step=106
    )
    store.cell("cluster", {"task-a": [9.0, 9.0, 3.0], "task-b": [9.0, 3.0, 6.0]}, order="c")
    store.plan()
    build(Store(store.path), tmp_path / "report")
    return tmp_path / "report"


def test_landmarks_are_on_randoms_scale(report: Path) -> None:
    rows = pd.read_csv(report / "leaderboard.csv").set_index("arrangement")
    # Random falls from 9 to 5: a tenth is at 8.6, half at 7, nine tenths at 5.4.
    half = math.expm1(math.log(2) / 2)
    assert rows.loc["nft", "steps_to_50"] == pytest.approx(half)
    assert rows.loc["nft", "tokens_to_50"] == pytest.approx(100 * half)
    assert rows.loc["nft", "onset_step"] == pytest.approx(math.expm1(0.1 * math.log(2)))
    assert rows.loc["random", "steps_to_90"] == pytest.approx(math.expm1(math.log(2) + 0.6 * math.log(11 / 2)))
    assert rows.loc["fft", ["onset_step", "steps_to_50", "tokens_to_90"]].isna().all()
    assert rows.loc["cluster", "regret"] == pytest.approx(0)
    assert rows.loc["fft", "regret"] == pytest.approx(9.35 - 9.0)


def test_kinds_and_drops_of_tasks(report: Path) -> None:
    rows = pd.read_csv(report / "leaderboard.csv").set_index("arrangement")
    assert rows.loc["cluster", ["sudden_drops", "tasks_sudden", "tasks_overshoot"]].tolist() == [1, 1, 1]
    section = json.loads((report / "leaderboard.json").read_text())["sections"][0]
    told = {entry["arrangement"]: entry for entry in section["dynamics"]}
    assert told["cluster"]["tasks"] == {"task-a": "sudden", "task-b": "overshoot"}
    (drop,) = told["cluster"]["drops"]
    assert (drop["task"], drop["from_step"], drop["to_step"], drop["from_loss"]) == ("task-a", 1, 10, 9.0)
    assert told["fft"]["tasks"]["task-b"] == "rising"
    page = (report / "index.html").read_text()
    assert "Sudden drops of tasks’ losses" in page


def test_ranks_over_training(report: Path) -> None:
    section = json.loads((report / "leaderboard.json").read_text())["sections"][0]
    ranks = {entry["arrangement"]: [at["rank"] for at in entry["ranks"]] for entry in section["dynamics"]}
    assert [at["step"] for at in section["dynamics"][0]["ranks"]] == [1, 10]
    # After step 1 random and cluster are both at 6; after step 10 nft and cluster are both at 4.5.
    assert ranks == {"random": [2, 3], "nft": [1, 1], "fft": [4, 4], "cluster": [2, 1]}


def test_rows_that_differ_in_tokens_are_told_of(report: Path) -> None:
    notes = json.loads((report / "leaderboard.json").read_text())["sections"][0]["notes"]
    (told,) = [note for note in notes if note.startswith("Token budgets differ")]
    assert "fft trained on 6% more tokens than" in told
    assert "(1,060 and 1,000)" in told


def test_without_random_there_is_no_scale(store: Any, tmp_path: Path) -> None:
    store.cell("nft", [9.0, 5.0, 4.5])
    store.plan()
    board = build(Store(store.path), tmp_path / "report")
    assert board.rows[["onset_step", "steps_to_50", "selection_effect", "seen_harm"]].isna().all(axis=None)
    assert board.rows["regret"].tolist() == [0]
