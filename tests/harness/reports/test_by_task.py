"""Single tasks: their areas, an arrangement's differences in them, and what they say together."""

from __future__ import annotations

import math

import numpy as np
import pytest

from zsg_harness.reports.board import Leaderboard, assemble
from zsg_harness.reports.by_task import task_areas, task_differences, win_rate
from zsg_harness.reports.collect import collect
from zsg_harness.reports.summary import mean_height, unseen_curves
from zsg_harness.reports.table import random_row
from zsg_harness.store.store import Store
from zsg_registry.errors import ZsgError

ORDER_SEEDED = {"data": None, "order": 0, "train": None}
SOURCES = {"a1": "a", "a2": "a", "b1": "b", "c1": "c"}


def curves_of(**ends: float) -> dict[str, list[float]]:
    """A curve for each task that falls to an end of its own."""
    return {task: [9.0, 6.0, end] for task, end in ends.items()}


def report(store) -> Leaderboard:
    return assemble(collect(Store(store.path)))


def five_random(store, **options) -> None:
    for seed in range(5):
        end = 5 + seed / 100
        loss = curves_of(a1=end, a2=end + 1, b1=end, c1=end)
        store.cell("random", loss, order=f"r{seed}", seeds=[seed], streams=ORDER_SEEDED, **options)


def line(board: Leaderboard, arrangement: str) -> dict[str, float]:
    return board.rows.set_index("arrangement").loc[arrangement].to_dict()


def test_areas_are_those_of_the_tasks_own_curves(store) -> None:
    store.cell("random", {"x": [9.0, 6.0, 5.0], "y": [8.0, 7.0, 1.0]}, order="r")
    store.cell("nft", {"y": [3.0, 2.0], "z": [4.0, 2.5]}, steps=[0, 7], order="n")
    board = report(store)
    areas = task_areas(board.results.scores, board.curves)
    place = {task: column for column, task in enumerate(areas.tasks)}
    first, second = (areas.values[areas.cells[cell.cell_id]] for cell in board.results.finished)
    if board.results.finished[0].labels.arrangement == "nft":
        first, second = second, first
    assert first[place["x"]] == pytest.approx(mean_height(np.log1p([0, 1, 10]), [9, 6, 5]))
    assert first[place["y"]] == pytest.approx(mean_height(np.log1p([0, 1, 10]), [8, 7, 1]))
    assert second[place["y"]] == pytest.approx(2.5)
    assert second[place["z"]] == pytest.approx(3.25)
    assert math.isnan(first[place["z"]])
    assert math.isnan(second[place["x"]])


def test_a_task_that_was_not_scored_at_some_step_has_no_area(store) -> None:
    store.cell("random", {"x": [9.0, 6.0], "y": [8.0, 7.0]}, steps=[0, 7], order="r", counts={"y": 0})
    store.cell("once", {"x": [9.0]}, steps=[3], order="o")
    board = report(store)
    areas = task_areas(board.results.scores, unseen_curves(board.results.scores))
    assert areas.tasks == ("x",)
    assert sorted(areas.values[:, 0].tolist(), key=math.isnan)[0] == pytest.approx(7.5)
    assert np.isnan(areas.values).sum() == 1


def test_task_differences_average_to_the_difference_of_the_rows(store) -> None:
    rolls = np.random.default_rng(3)
    for block in "xy":
        for arrangement in ("random", "noisy"):
            for seed in range(3):
                loss = {task: rolls.normal(5, 1, 3).tolist() for task in SOURCES}
                streams = {"data": ord(block), "order": seed, "train": None}
                name = f"{arrangement}{block}{seed}"
                store.cell(arrangement, loss, order=name, block=block, seeds=[name], streams=streams)
    board = report(store)
    (section,) = board.sections
    random = random_row(section.rows)
    (ours,) = (row for row in section.rows if row is not random)
    assert random is not None
    apart = task_differences(ours, random, task_areas(board.results.scores, board.curves))
    assert np.mean(apart) == pytest.approx(line(board, "noisy")["delta_vs_random"])
    assert line(board, "noisy")["win_rate"] == win_rate(apart) == np.mean(apart < 0)


def test_a_task_as_good_counts_half() -> None:
    assert win_rate(np.array([-1.0, 0.0, 2.0, np.nan])) == 0.5
    assert math.isnan(win_rate(np.array([np.nan])))


def test_the_interval_over_sources(store) -> None:
    five_random(store, sources=SOURCES)
    store.cell("even", curves_of(a1=4.02, a2=5.02, b1=4.02, c1=4.02), order="e", sources=SOURCES)
    store.cell("one-sided", curves_of(a1=1.0, a2=2.0, b1=5.3, c1=5.3), order="o", sources=SOURCES)
    board = report(store)
    even, one_sided = line(board, "even"), line(board, "one-sided")
    assert (even["delta_source_low"], even["delta_source_high"]) == pytest.approx((even["delta_vs_random"],) * 2)
    assert (even["verdict"], one_sided["verdict"]) == ("better", "better")
    assert one_sided["delta_source_low"] < 0 < one_sided["delta_source_high"]
    assert (even["win_rate"], one_sided["win_rate"]) == (1, 0.5)
    (section,) = board.sections
    assert "The 4 scored tasks are of 3 sources." in section.notes
    assert "Told apart on these tasks, but not beyond their sources: one-sided." in section.notes


@pytest.mark.parametrize("sources", [None, {"a1": None, "a2": None, "b1": None, "c1": None}])
def test_without_sources_nothing_is_said_of_others(store, sources) -> None:
    five_random(store, sources=sources)
    store.cell("even", curves_of(a1=4.0, a2=5.0, b1=4.0, c1=4.5), order="e", sources=sources)
    even = line(report(store), "even")
    assert math.isnan(even["delta_source_low"])
    assert even["win_rate"] == 1


def test_an_eval_set_that_is_gone_is_named(store) -> None:
    five_random(store, sources=SOURCES)
    (file,) = (store.path / "evalsets").iterdir()
    file.unlink()
    with pytest.raises(ZsgError, match=f"evalsets/{file.name}"):
        report(store)
