"""One leaderboard of several stores: what each gave, and where they disagree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zsg_harness.hooks.columns import plugin_columns
from zsg_harness.publishing.combine import COLUMN, combine, short_names
from zsg_harness.reports import build
from zsg_harness.reports.table import plain_records
from zsg_harness.store.merge import merge
from zsg_harness.store.store import Store
from zsg_registry import ZsgError


def fill(store, seeds: list[int], names: tuple[str, ...] = ("random", "nft"), height: float = 5.0) -> Store:
    for name in names:
        for seed in seeds:
            streams = {"data": None, "order": seed, "train": None}
            end = height + seed / 10 + (name == "nft") / 2
            store.cell(name, [9.0, 6.0, end], order=f"{name}{seed}", seeds=[seed], streams=streams)
    store.plan("m")
    return Store(store.path)


def test_it_is_the_leaderboard_of_the_merged_store(store_at, tmp_path: Path) -> None:
    stores = {name: fill(store_at(tmp_path / name), seeds) for name, seeds in (("a", [0, 1, 2]), ("b", [3, 4, 5]))}
    board = combine(stores).board()
    merged = Store(tmp_path / "merged")
    merge(merged, stores)
    expected = build(merged, tmp_path / "report").rows
    columns = [column for column in expected.columns if column != "rank"]
    assert plain_records(board.rows[columns]) == plain_records(expected[columns])
    assert set(board.rows["verdict"]) == {"reference", "worse"}
    assert board.state == "12 of 12 cells finished"


def test_it_says_which_store_gave_what(store_at, tmp_path: Path) -> None:
    mine = fill(store_at(tmp_path / "a"), [0, 1])
    theirs = fill(store_at(tmp_path / "b"), [1, 2], names=("nft",))
    combined = combine({"mine": mine, "theirs": theirs})
    board = combined.board()
    rows = {row["arrangement"]: row for row in plain_records(board.rows)}
    assert rows["nft"][COLUMN] == "2 cells of mine, 1 cell of theirs"
    assert rows["random"][COLUMN] == "2 cells of mine"
    assert "From 2 stores: 4 cells of mine, 1 cell of theirs." in board.sections[0].notes
    assert combined.conflicts == []


def test_the_order_of_every_row_is_there_of_the_first_store_that_has_it(store_at, tmp_path: Path) -> None:
    stores = {}
    for name, arrangements in (("a", ["random"]), ("b", ["random", "nft"])):
        store = store_at(tmp_path / name)
        for arrangement in arrangements:
            ids = [f"{name}-{arrangement}-{number}" for number in range(3)]
            attempt = store.cell(arrangement, order=arrangement)
            pq.write_table(pa.table({"position": range(3), "example_id": ids}), attempt / "order.parquet")
        store.plan("m")
        stores[name] = Store(store.path)
    orders = combine(stores).board().results.orders
    assert sorted(order[0] for order in orders.values()) == ["a-random-0", "b-nft-0"]


def test_of_two_results_the_first_stores_counts_and_both_are_told_of(store_at, tmp_path: Path) -> None:
    mine = fill(store_at(tmp_path / "a"), [0])
    theirs = fill(store_at(tmp_path / "b"), [0], height=7.0)
    combined = combine({"mine": mine, "theirs": theirs})
    board = combined.board()
    assert sorted(board.rows["loss_final"]) == [5.0, 5.5]
    assert [conflict.differs for conflict in combined.conflicts] == [("scores.parquet",)] * 2
    assert sum(note.startswith("Conflict: cells/") for note in board.sections[0].notes) == 2
    assert sorted(combine({"theirs": theirs, "mine": mine}).board().rows["loss_final"]) == [7.0, 7.5]


def test_a_cell_that_failed_in_one_store_and_finished_in_another_is_finished(store_at, tmp_path: Path) -> None:
    failed, done = store_at(tmp_path / "a"), store_at(tmp_path / "b")
    failed.cell("nft", order="n", state="failed", reason="out of memory")
    failed.cell("fft", order="f", state="failed", reason="out of memory")
    failed.plan()
    done.cell("nft", order="n")
    done.cell("fft", order="f", state="planned")
    done.plan("other")
    board = combine({"a": Store(failed.path), "b": Store(done.path)}).board()
    assert board.state == "1 of 2 cells finished, 1 failed"
    assert [cell.reason for cell in board.reasons] == ["out of memory"]


def test_plugins_add_their_columns_with_what_the_first_store_sets(
    store_at, third_party: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(third_party("extra-columns")))
    settings: list[dict[str, object]] = [{"per_token": 2.0}, {"per_token": 3.0, "currency": "USD"}]
    stores = {}
    for name, price in zip("ab", settings, strict=True):
        writer = store_at(tmp_path / name)
        writer.cell("random", order=name)
        writer.plan("m", {"matrix": {"name": "m"}, "hooks": {"price": price}})
        stores[name] = Store(writer.path)
    with plugin_columns(list(stores.values()), None, lambda warning: None) as added:
        (row,) = plain_records(combine(stores).board(added).rows)
    assert row["price <b>USD</b>"] == 2 * row["tokens_final"]
    assert row[COLUMN] == "1 cell of a, 1 cell of b"


@pytest.mark.parametrize(
    ("places", "names"),
    [
        (["/data/me/runs"], ["runs"]),
        (["runs", "/data/me/runs", "s3://bucket/runs"], ["runs", "me/runs", "s3://bucket/runs"]),
        (["a/x", "b/x", "a/y"], ["a/x", "b/x", "a/y"]),
        (["runs", "./runs"], ["runs", "runs"]),
    ],
)
def test_stores_are_called_by_as_little_of_their_place_as_tells_them_apart(places: list[str], names: list[str]) -> None:
    assert short_names(places) == names


def test_stores_that_disagree_on_a_metric(store_at, tmp_path: Path) -> None:
    stores = {}
    for name, direction in (("a", "higher"), ("b", "lower")):
        metrics = {"loss": {"direction": "lower", "scope": "unseen"}, "f1": {"direction": direction, "scope": "unseen"}}
        writer = store_at(tmp_path / name)
        writer.cell("nft", order=name, metrics=metrics)
        stores[name] = Store(writer.path)
    with pytest.raises(ZsgError, match=r"^metric 'f1' is better lower only in b$"):
        combine(stores)
