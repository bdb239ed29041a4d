"""Figures of a loss curve against values worked out by hand."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from zsg_harness.reports.summary import cell_figures, mean_height, unseen_curves


def scores(rows: list[tuple[str, int, int, str, str, float, int]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["cell", "step", "tokens", "task", "metric", "value", "count"])
    return frame.assign(scope=frame["metric"].map({"seen_loss": "seen", "lm": "external"}).fillna("unseen"))


# Steps 0, 1, 3 lie at 0, ln 2, 2 ln 2 on the log1p axis.
CURVE = scores(
    [
        ("c", 0, 0, "a", "loss", 3.0, 1),
        ("c", 1, 100, "a", "loss", 2.0, 1),
        ("c", 3, 400, "a", "loss", 1.0, 1),
    ]
)


def figures(frame: pd.DataFrame) -> pd.Series:
    return cell_figures(frame, unseen_curves(frame)).loc["c"]


def test_areas_by_hand() -> None:
    got = figures(CURVE)
    assert got["aulc"] == pytest.approx((2.5 + 1.5) / 2)
    assert got["aulc_linear"] == pytest.approx((2.5 * 1 + 1.5 * 2) / 3)
    assert got["aulc_tokens"] == pytest.approx((2.5 * 100 + 1.5 * 300) / 400)
    assert (got["loss_final"], got["step_final"], got["tokens_final"]) == (1.0, 3.0, 400.0)


def test_a_flat_curve_has_its_height() -> None:
    assert mean_height([0.0, 0.3, 2.0], [1.7, 1.7, 1.7]) == pytest.approx(1.7)


def test_one_point_has_no_area() -> None:
    assert math.isnan(mean_height([0.0], [1.0]))


def test_the_order_of_rows_does_not_matter() -> None:
    assert figures(CURVE.iloc[::-1]).equals(figures(CURVE))


def test_best_is_the_lowest_not_the_last() -> None:
    rising = scores([("c", step, step, "a", "loss", loss, 1) for step, loss in [(0, 3.0), (5, 1.0), (9, 1.5)]])
    assert figures(rising)["loss_best"] == 1.0
    assert figures(rising)["loss_final"] == 1.5


def test_tasks_weigh_the_same_and_examples_beside_it() -> None:
    uneven = scores([("c", s, s, task, "loss", v, n) for s in (0, 1) for task, v, n in [("a", 1.0, 1), ("b", 3.0, 3)]])
    assert figures(uneven)["loss_final"] == pytest.approx(2.0)
    assert figures(uneven)["loss_final_example"] == pytest.approx(2.5)


def test_only_unseen_scores_enter_and_the_others_stand_apart() -> None:
    extra = scores(
        [
            ("c", 3, 400, "a", "seen_loss", 50.0, 1),
            ("c", 3, 400, "hellaswag", "lm", 50.0, 1),
            ("c", 1, 100, "a", "rougeL", 1.0, 1),
            ("c", 3, 400, "a", "rougeL", 20.0, 1),
            ("c", 3, 400, "b", "rougeL", 40.0, 9),
            ("c", 3, 400, "empty", "rougeL", math.nan, 0),
        ]
    )
    got = figures(pd.concat([CURVE, extra], ignore_index=True))
    assert got["loss_final"] == 1.0
    assert got["rougeL"] == pytest.approx(30.0)
    assert {"seen_loss", "lm"}.isdisjoint(got.index)
    assert (got["seen/seen_loss"], got["external/lm"]) == (50.0, 50.0)


def test_a_geometric_mean_over_tasks() -> None:
    values = [("c", 3, 400, "a", "perplexity", 2.0, 1), ("c", 3, 400, "b", "perplexity", 8.0, 9)]
    table = pd.concat([CURVE, scores([*values, ("c", 3, 400, "a", "rougeL", 20.0, 1)])], ignore_index=True)
    got = cell_figures(table, unseen_curves(table), frozenset({"perplexity"})).loc["c"]
    assert got["perplexity"] == pytest.approx(4.0)
    assert got["rougeL"] == 20.0


def test_no_cells_no_figures() -> None:
    assert cell_figures(CURVE.iloc[:0], unseen_curves(CURVE.iloc[:0])).empty
