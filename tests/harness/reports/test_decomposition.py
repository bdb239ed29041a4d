"""Selection and order add up to the difference, and only a real matched-set control tells them apart."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from zsg_harness.reports import Leaderboard, build
from zsg_harness.reports.decomposition import NOT_A_CONTROL
from zsg_harness.store.store import Store


def streams(order: int | None, data: int | None = None) -> dict[str, int | None]:
    return {"data": data, "order": order, "train": None}


def three_blocks(store: Any, *, control_set: str = "near", random_set: str | None = None) -> None:
    for number in range(3):
        block = f"b{number}"
        for seed in range(2):
            own = random_set or f"drawn-{number}-{seed}"
            store.cell("random", [9.0, 6.0, 5.0 + seed / 10 + number], block=block, order=f"r{number}{seed}",
                       examples=own, streams=streams(seed, number))  # fmt: skip
            store.cell("nft | shuffle", [9.0, 5.5, 4.6 + seed / 20 + number], block=block, order=f"s{number}{seed}",
                       examples=control_set, streams=streams(seed, number), embedder="e")  # fmt: skip
        store.cell("nft", [9.0, 4.0, 4.2 + number], block=block, order=f"n{number}", examples=random_set or "near",
                   streams=streams(None, number), embedder="e")  # fmt: skip
    store.plan()


def board_of(store: Any, tmp_path: Path) -> Leaderboard:
    return build(Store(store.path), tmp_path / "report")


def test_the_parts_add_up(store: Any, tmp_path: Path) -> None:
    three_blocks(store)
    board = board_of(store, tmp_path)
    rows = board.rows.set_index("arrangement")
    row = rows.loc["nft"]
    assert row["selection_effect"] + row["order_effect"] == pytest.approx(row["delta_vs_random"])
    assert row["order_low"] < row["order_effect"] < row["order_high"]
    assert rows.loc[["random", "nft | shuffle"], "order_effect"].isna().all()
    ((apart),) = board.decompositions.values()
    final = apart.parts["loss_final"]
    # Of each block: random 5.05, the control 4.625, nft 4.2.
    assert final.selection.interval.mean == pytest.approx(4.625 - 5.05)
    assert final.order.interval.mean == pytest.approx(4.2 - 4.625)
    assert apart.control == "nft | shuffle"
    (told,) = json.loads((tmp_path / "report" / "leaderboard.json").read_text())["sections"][0]["decompositions"]
    assert told["aulc"]["selection"]["mean"] == row["selection_effect"]
    assert "How much is selection" in (tmp_path / "report" / "index.html").read_text()


def test_a_control_with_other_examples_is_none(store: Any, tmp_path: Path) -> None:
    three_blocks(store, control_set="others")
    board = board_of(store, tmp_path)
    ((apart),) = board.decompositions.values()
    assert (apart.control, apart.parts) == (NOT_A_CONTROL, {})
    assert board.rows["order_effect"].isna().all()


def test_where_random_has_the_same_examples_all_is_order(store: Any, tmp_path: Path) -> None:
    three_blocks(store, control_set="all", random_set="all")
    row = board_of(store, tmp_path).rows.set_index("arrangement").loc["nft"]
    assert row[["selection_effect", "selection_low", "selection_high"]].tolist() == [0, 0, 0]
    assert row["order_effect"] == pytest.approx(row["delta_vs_random"])
    assert row["order_low"] == pytest.approx(row["delta_low"])


def test_harm_on_seen_tasks_is_set_against_randoms(store: Any, tmp_path: Path) -> None:
    for seed, last in enumerate([3.0, 3.2]):
        scores = {"seen_loss": {"s1": [4.0, 3.5, last], "s2": [6.0, 5.0, last]}}
        store.cell("random", order=f"r{seed}", streams=streams(seed), scores=scores)
    store.cell("nft", order="n", scores={"seen_loss": {"s1": [4.0, 4.0, 4.5], "s2": [6.0, 5.0, 4.5]}})
    store.cell("tma", order="t")
    store.plan()
    rows = board_of(store, tmp_path).rows.set_index("arrangement")
    assert rows["seen_change"].dropna().to_dict() == pytest.approx({"random": -1.9, "nft": -0.5})
    assert rows.loc["nft", "seen_harm"] == pytest.approx(1.4)
    assert rows.loc["nft", "seen_harm_low"] < 1.4
    assert pd.isna(rows.loc["tma", "seen_harm"])
