"""The rows: what counts once, what is compared with what, and what may be said of it."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest
from scipy import stats

from zsg_harness.reports import Leaderboard, build
from zsg_harness.store.store import Store
from zsg_registry.errors import ZsgError

ORDER_SEEDED = {"data": None, "order": 0, "train": None}


def report(store, tmp_path: Path, **options: str) -> Leaderboard:
    return build(Store(store.path), tmp_path / "report", **options)


def line(board: Leaderboard, arrangement: str, **where: str) -> pd.Series:
    rows = board.rows[board.rows["arrangement"] == arrangement]
    for column, value in where.items():
        rows = rows[rows[column] == value]
    assert len(rows) == 1
    return rows.iloc[0]


def flat(height: float) -> list[float]:
    """A curve whose areas and last loss all are `height`."""
    return [height] * 3


def randoms(store, heights: list[float], **options) -> None:
    for seed, height in enumerate(heights):
        store.cell("random", flat(height), order=f"r{seed}", seeds=[seed], streams=ORDER_SEEDED, **options)


def test_columns_in_the_promised_order(store, tmp_path) -> None:
    store.cell("random", scores={"rougeL": {"task-a": 10.0, "task-b": 20.0}, "bleu": {"task-a": 1.0}},
               metrics={"loss": {"direction": "lower", "scope": "unseen"},
                        "rougeL": {"direction": "higher", "scope": "unseen"},
                        "bleu": {"direction": "higher", "scope": "unseen"}})  # fmt: skip
    columns = list(report(store, tmp_path).rows.columns)
    assert columns[:27] == [
        "rank", "arrangement", "dataset", "embedder", "model", "budget", "access", "seeds", "loss_final",
        "loss_final_low", "loss_final_high", "loss_best", "aulc", "aulc_linear", "aulc_tokens", "delta_vs_random",
        "delta_low", "delta_high", "verdict", "rouge1", "rougeL", "exact_match", "bleu", "set_hash", "order_hash",
        "replicates", "failed",
    ]  # fmt: skip


def test_coinciding_orders_count_once(store, tmp_path) -> None:
    store.cell("cluster", flat(4.0), order="same", seeds=[0])
    store.cell("cluster", flat(4.0), order="same", seeds=[1, 2])
    store.cell("cluster", flat(7.0), order="other", seeds=[3])
    store.plan()
    row = line(report(store, tmp_path), "cluster")
    assert (row["replicates"], row["seeds"]) == (2, 4)
    assert row["loss_final"] == pytest.approx(5.5)
    assert row["order_hash"] == "2 distinct"
    assert row["set_hash"] == "s"


def test_one_order_in_two_blocks_is_two_replicates(store, tmp_path) -> None:
    for block in "xy":
        store.cell("cluster", order="same", block=block, streams={"data": ord(block), "order": None, "train": None})
    assert line(report(store, tmp_path), "cluster")["replicates"] == 2


def test_interval_over_replicates(store, tmp_path) -> None:
    randoms(store, [5.0, 5.2, 5.6])
    row = line(report(store, tmp_path), "random")
    low, high = stats.t.interval(0.95, 2, loc=5.266667, scale=stats.sem([5.0, 5.2, 5.6]))
    assert (row["loss_final_low"], row["loss_final_high"]) == pytest.approx((low, high), abs=1e-5)
    assert row["verdict"] == "reference"
    assert math.isnan(row["delta_vs_random"])


def test_one_replicate_has_no_interval(store, tmp_path) -> None:
    store.cell("random")
    row = line(report(store, tmp_path), "random")
    assert math.isnan(row["loss_final_low"])
    assert math.isnan(row["loss_final_high"])


def test_a_single_order_far_below_five_random_ones_is_better(store, tmp_path) -> None:
    randoms(store, [5.0, 5.01, 5.02, 5.03, 5.04])
    store.cell("sorted", flat(4.0), order="x", seeds=[0, 1, 2, 3, 4])
    store.cell("reversed", flat(6.0), order="y", seeds=[0, 1, 2, 3, 4])
    store.cell("cluster", flat(5.03), order="z", seeds=[0, 1, 2, 3, 4])
    board = report(store, tmp_path)
    assert [line(board, name)["verdict"] for name in ("sorted", "reversed", "cluster")] == ["better", "worse", "tie"]
    assert list(board.rows["arrangement"]) == ["sorted", "random", "cluster", "reversed"]
    assert list(board.rows["rank"]) == [1, 2, 3, 4]
    assert line(board, "sorted")["loss_delta_vs_random"] == pytest.approx(-1.02)


def test_a_verdict_is_of_one_comparison_and_it_is_told_what_holds_of_all(store, tmp_path) -> None:
    randoms(store, [5.0, 5.01, 5.02, 5.03, 5.04])
    # s = 0.0158, so a single order is apart from 0.048 on by itself, and from 0.11 on as one of twenty.
    for number, height in enumerate([4.0, 4.96, *[5.02] * 18]):
        store.cell(f"x{number}", flat(height), order=f"x{number}", seeds=[0, 1, 2, 3, 4])
    board = report(store, tmp_path)
    far, near = line(board, "x0"), line(board, "x1")
    assert (far["verdict"], far["verdict_holm"], far["tie_group"]) == ("better", "better", 1)
    assert (near["verdict"], near["verdict_holm"], near["tie_group"]) == ("better", "tie", 2)
    assert near["p_value"] < 0.05 < near["p_holm"] == pytest.approx(min(1, 19 * near["p_value"]))
    assert (near["loss_verdict"], near["loss_verdict_holm"]) == ("better", "tie")
    section = board.sections[0]
    assert "Better than random: x0*, x1." in section.headline
    assert any("20 arrangements no other than random, 1.0 of them" in note for note in section.notes)
    assert "| better \\* |" in (tmp_path / "report" / "leaderboard.md").read_text()


@pytest.mark.parametrize("orders", [1, 2, 3, 4])
def test_never_better_under_five_replicates(store, tmp_path, orders: int) -> None:
    randoms(store, [5.0 + seed / 1e6 for seed in range(orders)])
    store.cell("sorted", flat(1.0), order="x")
    for seed in range(orders):
        store.cell("noisy", flat(1.0 + seed / 1e6), order=f"n{seed}", seeds=[seed], streams=ORDER_SEEDED)
    board = report(store, tmp_path)
    for name in ("sorted", "noisy"):
        assert line(board, name)["verdict"].startswith(f"undecided ({orders} replicate")


def test_a_stochastic_arrangement_needs_five_orders_of_its_own(store, tmp_path) -> None:
    randoms(store, [5.0, 5.01, 5.02, 5.03, 5.04])
    for seed in range(4):
        store.cell("noisy", flat(1.0 + seed / 1e6), order=f"n{seed}", seeds=[seed], streams=ORDER_SEEDED)
    assert line(report(store, tmp_path), "noisy")["verdict"] == "undecided (4 replicates)"


def test_differences_are_paired_within_blocks(store, tmp_path) -> None:
    """Blocks far apart, a constant gain in each: unpaired it would drown, paired it is certain."""
    for seed in range(5):
        streams = {"data": seed, "order": seed, "train": seed}
        options = {"block": f"b{seed}", "seeds": [seed], "streams": streams}
        store.cell("random", flat(5.0 + seed), order=f"r{seed}", **options)
        store.cell("nft", flat(4.9 + seed + seed / 1e4), order=f"n{seed}", **options)
    row = line(report(store, tmp_path), "nft")
    expected = stats.ttest_1samp([-0.1 + seed / 1e4 for seed in range(5)], 0).confidence_interval(0.95)
    assert (row["delta_low"], row["delta_high"]) == pytest.approx(tuple(expected))
    assert row["verdict"] == "better"


def test_random_serves_every_embedder_but_no_other_section(store, tmp_path) -> None:
    randoms(store, [5.0, 5.1])
    store.cell("nft", flat(4.0), order="x", embedder="minilm")
    store.cell("nft", flat(4.5), order="y", embedder="tfidf")
    store.cell("nft", flat(4.0), order="z", embedder="minilm", dataset="other")
    board = report(store, tmp_path)
    assert line(board, "nft", embedder="minilm", dataset="toy")["delta_vs_random"] == pytest.approx(-1.05)
    assert line(board, "nft", embedder="tfidf")["delta_vs_random"] == pytest.approx(-0.55)
    alone = line(board, "nft", dataset="other")
    assert alone["verdict"] == "undecided (no random)"
    assert (alone["rank"], len(board.sections)) == (1, 2)


def test_failed_cells_are_counted(store, tmp_path) -> None:
    store.cell("nft", order="x", seeds=[0])
    store.cell("nft", order="y", seeds=[1], state="failed", reason="the loss is NaN")
    store.cell("gone", order="z", state="failed", reason="the loss is NaN")
    board = report(store, tmp_path)
    assert line(board, "nft")["failed"] == 1
    assert list(board.rows["arrangement"]) == ["nft"]
    assert board.state == "1 of 3 cells finished, 2 failed"


def test_a_metric_named_like_a_column_does_not_replace_it(store, tmp_path) -> None:
    metrics = {name: {"direction": "higher", "scope": "unseen"} for name in ("loss", "rank")}
    store.cell("random", scores={"rank": {"task-a": 77.0}}, metrics=metrics)
    row = line(report(store, tmp_path), "random")
    assert (row["rank"], row["metric:rank"]) == (1, 77.0)


def test_cells_of_two_settings_do_not_share_a_row(store, tmp_path) -> None:
    """The same labels and seeds in two blocks: something that no label names was different."""
    store.cell("random", order="x", block="slow", streams=ORDER_SEEDED)
    first = store.plan("lr")
    store.cell("random", order="x", block="fast", streams=ORDER_SEEDED)
    second = store.plan("lr-too")
    with pytest.raises(ZsgError, match="different settings carry the same labels"):
        report(store, tmp_path)
    assert len(report(store, tmp_path, matrix=first).rows) == 1
    assert len(report(store, tmp_path, matrix=second).rows) == 1


def test_notes_say_what_is_not_alike(store, tmp_path) -> None:
    randoms(store, [5.0, 5.1], examples="all")
    store.cell("head", order="x", examples="some")
    store.cell("short", [9.0, 6.0], steps=[0, 1], order="y", examples="all")
    store.cell("tuned", order="z", block="other")
    (section,) = report(store, tmp_path).sections
    notes = " ".join(section.notes)
    assert "Trained on other examples than random, so selection and order are mixed: head." in notes
    assert "end at different steps (1, 10)" in notes
    assert "not compared with it: tuned." in notes
    assert section.null_band.mean == pytest.approx(5.05)


def test_the_headline_says_when_the_end_is_anothers(store, tmp_path) -> None:
    store.cell("random", [9.0, 8.0, 4.0], order="r")
    store.cell("nft", [9.0, 5.0, 5.0], order="n")
    (section,) = report(store, tmp_path).sections
    # nft: (7 ln 2 + 5 ln 5.5) / ln 11, random: (8.5 ln 2 + 6 ln 5.5) / ln 11.
    assert section.headline == (
        "Lowest area under the loss curve on unseen tasks: nft, 5.578. Lowest at the last step: random, 4.000. "
        "Undecided: nft."
    )


def test_data_without_tasks_is_never_called_unseen_tasks(store, tmp_path) -> None:
    store.cell("random", {"": flat(5.0)}, held_out="held-out examples", dataset="chat")
    board = report(store, tmp_path)
    page = (tmp_path / "report" / "index.html").read_text()
    assert "held-out examples" in board.sections[0].headline
    assert "loss on held-out examples" in page
    assert "loss on unseen tasks" not in page


def test_arrangements_with_several_embedders_are_told_apart_in_words(store, tmp_path) -> None:
    store.cell("random", [9.0, 6.0, 5.0], order="r")
    for embedder, end in (("minilm", 4.0), ("tfidf", 3.0)):
        store.cell("nft", [9.0, 5.0, end], order=embedder, embedder=embedder, tokens_per_step=100 if end > 3 else 300)
    store.plan()
    (section,) = build(Store(store.path), tmp_path / "report").sections
    assert section.headline.endswith("Undecided: nft (tfidf), nft (minilm).")
    (note,) = [note for note in section.notes if note.startswith("Token budgets")]
    assert "nft (tfidf) trained on 200% more tokens than " in note
