"""The index changes how fast results are read, and nothing else."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zsg_harness.plan.cell import Cell
from zsg_harness.reports.collect import Results, collect
from zsg_harness.store import index
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.formats import parquet_bytes
from zsg_harness.store.store import Store
from zsg_registry import ZsgError


@pytest.fixture(autouse=True)
def _small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_ENOUGH", 1)
    monkeypatch.setattr(index, "_FULL", 4)
    monkeypatch.setattr(index, "_GROUP", 2)


def shards(store: Store) -> list[str]:
    return store.files.names("index")


def without_index(store: Store) -> Results:
    """What the files say."""
    kept = {name: store.files.read(f"index/{name}") for name in shards(store)}
    store.files.remove("index")
    results = collect(store)
    store.files.remove("index")
    for name, data in kept.items():
        store.files.write(f"index/{name}", data)
    return results


def assert_same(mine: Results, other: Results) -> None:
    assert (mine.finished, mine.open, mine.directions) == (other.finished, other.open, other.directions)
    pd.testing.assert_frame_equal(mine.scores, other.scores, check_categorical=True)


def change_in_place(path: Path) -> None:
    """Other bytes in the same inode, of the same length and time: no listing can tell."""
    before = path.stat()
    with path.open("r+b") as file:
        file.write(bytes(byte ^ 1 for byte in path.read_bytes()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def test_cells_are_read_from_the_index(stored: Store) -> None:
    before = collect(stored)
    assert len(shards(stored)) == 1
    for path in Path(stored.url).glob("cells/*/*/scores.parquet"):
        change_in_place(path)
    assert_same(collect(stored), before)
    stored.files.remove("index")
    with pytest.raises(ZsgError, match=r"scores\.parquet: damaged"):
        collect(stored)


def test_a_file_that_is_written_again_is_read_again(stored: Store) -> None:
    collect(stored)
    path = next(Path(stored.url).glob("cells/*/*/scores.parquet"))
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(ZsgError, match=r"scores\.parquet: damaged"):
        collect(stored)


def test_a_few_cells_are_not_worth_a_shard(stored: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_ENOUGH", 4)
    collect(stored)
    assert shards(stored) == []


def test_a_store_that_cannot_be_written_is_read(stored: Store) -> None:
    stored.files.write("index", b"in the way of the folder")
    assert len(collect(stored).finished) == 3


@pytest.mark.parametrize("damage", [b"", b"PAR1", b"x" * 100])
def test_a_damaged_shard_is_not_believed_and_replaced(stored: Store, damage: bytes) -> None:
    before = collect(stored)
    (name,) = shards(stored)
    data = stored.files.read(f"index/{name}")
    stored.files.write(f"index/{name}", data[:50] + damage + data[60:] if damage else b"")
    assert_same(collect(stored), before)
    assert [stored.files.read(f"index/{name}") for name in shards(stored)] == [data]


def test_foreign_files_in_the_index_are_passed_over(stored: Store) -> None:
    before = collect(stored)
    other = parquet_bytes(pa.table({"cell_id": ["x"]}))
    stored.files.write(f"index/{hashlib.sha256(other).hexdigest()}.parquet", other)
    stored.files.write("index/notes.parquet", b"mine")
    assert_same(collect(stored), before)
    assert "notes.parquet" in shards(stored)


def test_an_added_metric_is_seen_and_so_is_its_next_version(
    stored: Store, cells: tuple[Cell, ...], add_metric: Callable[..., None]
) -> None:
    collect(stored)
    attempt = stored.committed(cells[1].cell_id)
    assert attempt is not None
    for value in (1.0, 2.0):
        add_metric(attempt, value)
        scores = collect(stored).scores
        assert scores[scores["metric"] == "bleu"]["value"].tolist() == [value, value]
        assert_same(collect(stored), without_index(stored))


def test_scores_without_their_metrics_file_do_not_count_yet(
    stored: Store, cells: tuple[Cell, ...], add_metric: Callable[..., None]
) -> None:
    attempt = stored.committed(cells[1].cell_id)
    assert attempt is not None
    add_metric(attempt, 1.0)
    stored.files.remove(f"{attempt.key}/metrics.bleu.json")
    assert set(collect(stored).scores["metric"]) == {"loss"}


def test_a_cell_that_is_run_again_is_read_again(
    stored: Store, cells: tuple[Cell, ...], finish: Callable[..., Attempt]
) -> None:
    collect(stored)
    stored.files.remove(f"cells/{cells[0].cell_id}/done.json")
    finish(stored, cells[0], loss=7.0)
    scores = collect(stored).scores
    assert 7.0 in set(scores["value"])
    assert_same(collect(stored), without_index(stored))


def test_one_matrix_needs_none_of_the_others_in_a_shard(stored: Store) -> None:
    everything = collect(stored)
    some = collect(stored, "made-up")
    assert some.finished == everything.finished


def operations() -> st.SearchStrategy[list[tuple[str, int]]]:
    kinds = st.sampled_from(["finish", "score", "again", "read", "damage"])
    return st.lists(st.tuples(kinds, st.integers(0, 11)), max_size=14)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations())
def test_whatever_happens_to_a_store_the_index_tells_what_its_files_tell(
    cells: tuple[Cell, ...],
    finish: Callable[..., Attempt],
    add_metric: Callable[..., None],
    what: list[tuple[str, int]],
) -> None:
    store = Store(f"memory://{uuid.uuid4().hex}")
    finish(store, cells[0])
    for number, (kind, which) in enumerate(what):
        cell = cells[which]
        attempt = store.committed(cell.cell_id)
        if kind == "finish" and attempt is None:
            finish(store, cell, loss=float(number))
        elif kind == "score" and attempt is not None:
            add_metric(attempt, float(number))
        elif kind == "again" and attempt is not None:
            store.files.remove(f"cells/{cell.cell_id}/done.json")
            finish(store, cell, loss=float(number))
        elif kind == "damage" and shards(store):
            name = shards(store)[which % len(shards(store))]
            store.files.write(f"index/{name}", store.files.read(f"index/{name}")[:-which] or b"")
        elif kind == "read":
            assert_same(collect(store), without_index(store))
    assert_same(collect(store), without_index(store))
