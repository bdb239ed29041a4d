"""Replay: a file's order over a pool that has its examples, wherever they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zsg_plugins.arrangements.replay import Replay
from zsg_registry import Access, Order, OrderFile, ZsgError
from zsg_registry.testing import NaiveContext, example_set

POOL = example_set(["a", "b", "c", "d"])
IDS = POOL.ids


def written(path: Path, order: Order, document: dict[str, Any] | None = None) -> Replay:
    backwards = IDS[::-1]  # the order was made over the same examples in another sequence
    pq.write_table(OrderFile.of(order, backwards, 16, document or {"access": "none"}).to_arrow(), path)
    return Replay(file=str(path))


def arrange(replay: Replay, **given: Any) -> Order:
    return replay.arrange(NaiveContext.of(replay, POOL, **given))


def test_the_order_is_that_of_the_file(tmp_path: Path) -> None:
    made = Order([0, 3, 1, 2], stages=[0, 0, 1, 1], stage_names=("x", "y"), scores=[4, 3, 2, 1], steps=[1, 4])  # type: ignore[arg-type]
    order = arrange(written(tmp_path / "order.parquet", made))
    assert order.indices.tolist() == [3, 0, 2, 1]
    assert order.stages is not None
    assert order.stages.tolist() == [0, 0, 1, 1]
    assert order.stage_names == ("x", "y")
    assert order.scores is not None
    assert order.scores.tolist() == [4, 3, 2, 1]
    assert order.step_ends(2).tolist() == [1, 4]


def test_a_smaller_budget_cuts_and_a_larger_one_does_not_fill(tmp_path: Path) -> None:
    replay = written(tmp_path / "order.parquet", Order([0, 3, 1], steps=[1, 3]))  # type: ignore[arg-type]
    cut = arrange(replay, budget=2)
    assert cut.indices.tolist() == [3, 0]
    assert cut.step_ends(16).tolist() == [1, 2]
    assert arrange(replay, budget=4).indices.tolist() == [3, 0, 2]
    assert replay.may_underfill


def test_a_file_that_repeats_is_repeated(tmp_path: Path) -> None:
    replay = written(tmp_path / "order.parquet", Order([1, 1, 0]))  # type: ignore[arg-type]
    assert arrange(replay).indices.tolist() == [2, 2, 3]
    assert replay.repeats


def test_missing_examples_are_counted_and_the_first_is_named(tmp_path: Path) -> None:
    path = tmp_path / "order.parquet"
    pq.write_table(pa.table({"position": [0, 1, 2], "example_id": [IDS[0], "gone", "lost"]}), path)
    with pytest.raises(ZsgError, match=r"order.parquet: the pool lacks 2 of the order's examples; the first is 'gone'"):
        arrange(Replay(file=str(path)))


def test_the_access_is_that_of_the_maker(tmp_path: Path) -> None:
    order = Order([0])  # type: ignore[arg-type]
    for number, (told, access) in enumerate(
        [
            ({"access": "prompts"}, Access.PROMPTS),
            ({"access": "none"}, Access.NONE),
            ({"seed": 0}, Access.ANSWERS),
        ]
    ):
        assert written(tmp_path / f"{number}.parquet", order, told).access is access
    with pytest.raises(ZsgError, match="the access is 'all'"):
        _ = written(tmp_path / "wrong.parquet", order, {"access": "all"}).access


def test_the_identity_is_the_content_and_a_changed_file_is_read_anew(tmp_path: Path) -> None:
    first = written(tmp_path / "a.parquet", Order([0, 1]))  # type: ignore[arg-type]
    same = written(tmp_path / "b.parquet", Order([0, 1]))  # type: ignore[arg-type]
    assert first.identity_params() == same.identity_params()
    before, order = first.identity_params(), arrange(first).indices.tolist()
    again = written(tmp_path / "a.parquet", Order([1, 0, 2]))  # type: ignore[arg-type]
    assert again.identity_params() != before
    assert arrange(again).indices.tolist() != order


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ZsgError, match="no such order file"):
        _ = Replay(file=str(tmp_path / "order.parquet")).access
