"""An order as a file: it comes back as it was, and what is no order is told in one line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_registry import Order, OrderFile, ZsgError, order_hash, set_hash

POOL = [f"e{i}" for i in range(12)]


@st.composite
def orders(draw: st.DrawFn) -> Order:
    indices = draw(st.lists(st.integers(0, len(POOL) - 1), min_size=1, max_size=20))
    n = len(indices)
    names = draw(st.none() | st.lists(st.text(max_size=4), min_size=1, max_size=5))
    highest = 10**6 if names is None else len(names) - 1
    stages = st.lists(st.integers(0, highest), min_size=n, max_size=n)
    ends = draw(st.none() | st.sets(st.integers(1, n - 1) if n > 1 else st.nothing(), max_size=n - 1))
    return Order(
        np.array(indices),
        stages=np.array(draw(stages), dtype=np.int32) if names is not None else draw(st.none() | stages),  # type: ignore[arg-type]
        stage_names=None if names is None else tuple(names),
        scores=draw(st.none() | st.lists(st.floats(width=32), min_size=n, max_size=n)),  # type: ignore[arg-type]
        steps=None if ends is None else np.array([*sorted(ends), n]),
    )


@given(orders(), st.integers(1, 9))
def test_what_is_written_is_read(order: Order, batch_size: int) -> None:
    written = OrderFile.of(order, POOL, batch_size, {"arrangement": "mine"})
    table = written.to_arrow()
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    read = OrderFile.from_arrow(pq.read_table(pa.BufferReader(sink.getvalue())))
    assert read.document == written.document
    again = read.over(POOL)
    assert again.indices.tolist() == order.indices.tolist()
    for name in ("stages", "scores", "steps"):
        np.testing.assert_array_equal(getattr(again, name), getattr(order, name))
    if order.stage_names is not None and order.stages is not None:
        assert again.stage_names is not None
        # A name that no entry has is not in the table.
        used = [again.stage_names[stage] for stage in order.stages]
        assert used == [order.stage_names[stage] for stage in order.stages]


def test_columns_and_document() -> None:
    order = Order([3, 0, 2], stages=[1, 1, 0], stage_names=("late", "early"), scores=[0.5, 1, 2], steps=[1, 3])  # type: ignore[arg-type]
    table = OrderFile.of(order, POOL, 16, {"seed": 7}).to_arrow()
    assert table.to_pydict() == {
        "position": [0, 1, 2],
        "example_id": ["e3", "e0", "e2"],
        "stage": [1, 1, 0],
        "stage_name": ["early", "early", "late"],
        "score": [0.5, 1.0, 2.0],
        "step": [1, 2, 2],
    }
    assert json.loads(table.schema.metadata[b"zsg_order"]) == {
        "format": 1,
        "set_hash": set_hash(["e0", "e2", "e3"]),
        "order_hash": order_hash(["e3", "e0", "e2"], [1, 3]),
        "examples": 3,
        "steps": 2,
        "batch_size": 16,
        "steps_set": True,
        "seed": 7,
    }


def test_steps_of_a_batch_size_are_left_to_who_trains() -> None:
    by_batch = OrderFile.of(Order([2, 0, 1]), POOL, 2, {})  # type: ignore[arg-type]
    assert by_batch.order.steps is not None
    assert by_batch.order.steps.tolist() == [2, 3]
    assert by_batch.over(POOL).steps is None


def test_ids_are_found_wherever_the_pool_has_them() -> None:
    file = OrderFile.of(Order([0, 1, 0]), ["x", "y"], 16, {})  # type: ignore[arg-type]
    assert file.over(["z", "y", "x"]).indices.tolist() == [2, 1, 2]
    with pytest.raises(ZsgError, match=r"the pool lacks 2 of the order's examples; the first is 'x'"):
        file.over(["z"])


def test_rows_in_any_sequence_and_no_more_than_two_columns() -> None:
    table = pa.table({"position": [2, 0, 1], "example_id": pa.array(["c", "a", "b"]).dictionary_encode()})
    read = OrderFile.from_arrow(table)
    assert read.ids == ("a", "b", "c")
    assert (read.order.stages, read.order.scores, read.order.steps, dict(read.document)) == (None, None, None, {})


def test_a_cells_old_file_is_read() -> None:
    columns = {
        "position": pa.array([0, 1], pa.int64()),
        "example_id": pa.array(["a", "b"]),
        "stage": pa.nulls(2, pa.int32()),
        "score": pa.array([0.5, 0.25], pa.float32()),
    }
    read = OrderFile.from_arrow(pa.table(columns))
    assert read.order.scores is not None
    assert read.order.scores.tolist() == [0.5, 0.25]


GOOD: dict[str, Any] = {"position": [0, 1], "example_id": ["a", "b"]}


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [
        ({"id": ["a"], "position": [0]}, "no column 'example_id'"),
        ({"example_ids": ["a"], "position": [0]}, "did you mean 'example_ids'"),
        ({"position": [], "example_id": []}, "no rows"),
        ({**GOOD, "position": [0, 2]}, "positions are not 0, 1, 2"),
        ({**GOOD, "position": [0, 0]}, "positions are not 0, 1, 2"),
        ({**GOOD, "position": ["x", "y"]}, "'position' holds string, which is not all int64"),
        ({**GOOD, "example_id": ["a", None]}, "a row has no example_id"),
        ({**GOOD, "stage": [1, None]}, "some rows have a stage and some have none"),
        ({**GOOD, "stage": [2**40, 0]}, "'stage' holds int64, which is not all int32"),
        ({**GOOD, "stage": [2**31 - 1, 0], "stage_name": ["x", "y"]}, "are not numbers from 0 on"),
        ({**GOOD, "stage": [-1, 0], "stage_name": ["x", "y"]}, "are not numbers from 0 on"),
        ({**GOOD, "step": [2, 3]}, "steps are not 1"),
        ({**GOOD, "step": [1, 3]}, "steps are not 1"),
        ({**GOOD, "score": ["high", "low"]}, "'score' holds string, which is not all float"),
    ],
)
def test_a_foreign_table_is_one_line(columns: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ZsgError) as caught:
        OrderFile.from_arrow(pa.table(columns), "mine.parquet")
    assert str(caught.value).startswith("mine.parquet is not an order: ")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", [b"{", b"[]", b'{"format": 2}', b"\xff", b"{}"])
def test_a_document_that_is_none(text: bytes) -> None:
    table = pa.table(GOOD).replace_schema_metadata({b"zsg_order": text})
    with pytest.raises(ZsgError, match="is not an order"):
        OrderFile.from_arrow(table)


def test_a_table_that_was_changed_is_noticed() -> None:
    table = OrderFile.of(Order([0, 1, 2]), POOL, 2, {}).to_arrow()  # type: ignore[arg-type]
    swapped = table.set_column(0, "position", pa.array([1, 0, 2]))
    with pytest.raises(ZsgError, match="was changed after it was written: its order_hash"):
        OrderFile.from_arrow(swapped)
    with pytest.raises(ZsgError, match="was changed after it was written: its set_hash"):
        OrderFile.from_arrow(table.slice(0, 2))


def test_a_file_that_is_none(tmp_path: Path) -> None:
    good = tmp_path / "order.parquet"
    pq.write_table(OrderFile.of(Order([0]), POOL, 2, {}).to_arrow(), good)  # type: ignore[arg-type]
    assert OrderFile.read(good).ids == ("e0",)
    with pytest.raises(ZsgError, match=r"no such order file: .*ordr.parquet \(did you mean 'order.parquet'\?\)"):
        OrderFile.read(tmp_path / "ordr.parquet")
    with pytest.raises(ZsgError, match="no such order file"):
        OrderFile.read(tmp_path)
    content = good.read_bytes()
    for damaged in (b"", b"hello", content[: len(content) // 2], content[: len(content) // 2] + content[-8:]):
        (tmp_path / "bad.parquet").write_bytes(damaged)
        with pytest.raises(ZsgError) as caught:
            OrderFile.read(tmp_path / "bad.parquet")
        assert "bad.parquet" in str(caught.value)
        assert "\n" not in str(caught.value)
