"""Merging loses nothing, writes over nothing, and says where two stores differ."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zsg_harness.plan.cell import Cell
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.files import FileState
from zsg_harness.store.merge import Merged, merge
from zsg_harness.store.results import DONE
from zsg_harness.store.store import Store
from zsg_harness.store.verify import Verifier

Place = Callable[[], str]
Finish = Callable[..., Attempt]


def merge_one(target: Store, source: Store) -> Merged:
    return merge(target, {source.url: source})


def content(store: Store) -> dict[str, bytes]:
    """Everything but what is being made."""
    folders = ("cells", "evalsets", "matrices")
    return {key: store.files.read(key) for folder in folders for key in store.files.find(folder)}


def states(store: Store) -> dict[str, FileState]:
    return {
        key: state for folder in ("cells", "evalsets", "matrices") for key, state in store.files.states(folder).items()
    }


def faults(store: Store) -> list[str]:
    return list(map(str, Verifier(store).verify().faults))


def test_cells_eval_sets_and_matrices_come_over(place: Place, stored: Store, cells: tuple[Cell, ...]) -> None:
    target = Store(place())
    merged = merge_one(target, stored)
    assert sorted(merged.copied) == sorted(cell.cell_id for cell in cells[:3])
    assert (merged.conflicts, merged.damaged) == ([], [])
    assert content(target) == content(stored)
    assert faults(target) == []
    before = states(target)
    again = merge_one(target, stored)
    assert (len(again.equal), again.copied, again.files) == (3, [], [])
    assert states(target) == before


def test_what_never_finished_stays_where_it_is(place: Place, cells: tuple[Cell, ...], finish: Finish) -> None:
    source, target = Store(place()), Store(place())
    finish(source, cells[0], commit=False)
    assert merge_one(target, source).copied == []
    assert target.files.find("cells") == []


def test_other_results_are_kept_beside_and_the_targets_count(
    place: Place, cells: tuple[Cell, ...], finish: Finish
) -> None:
    source, target = Store(place()), Store(place())
    mine, theirs = finish(target, cells[0], loss=1.0), finish(source, cells[0], loss=2.0)
    before = content(target)
    (conflict,) = merge_one(target, source).conflicts
    assert conflict.differs == ("scores.parquet", "examples.parquet")
    assert conflict.kept == f"cells/{cells[0].cell_id}/conflict-{theirs.name}.json"
    after = content(target)
    assert before.items() <= after.items()
    committed = target.committed(cells[0].cell_id)
    assert committed is not None
    assert committed.name == mine.name
    kept = json.loads(after[conflict.kept])
    assert {name: after[f"cells/{cells[0].cell_id}/{theirs.name}/{name}"] for name in kept["files"]} == {
        name: theirs.read(name) for name in kept["files"]
    }
    assert faults(target) == []

    again = merge_one(target, source)
    assert (again.conflicts, len(again.equal)) == ([], 1)
    assert content(target) == after


def test_a_conflict_goes_on_to_the_next_store(place: Place, cells: tuple[Cell, ...], finish: Finish) -> None:
    stores = [Store(place()) for _ in range(3)]
    for loss, store in enumerate(stores[:2]):
        finish(store, cells[0], loss=float(loss))
    merge_one(stores[0], stores[1])
    merged = merge_one(stores[2], stores[0])
    assert (len(merged.copied), len(merged.conflicts)) == (1, 1)
    assert faults(stores[2]) == []


def test_results_that_are_equal_under_another_attempt_or_writer_are_no_conflict(
    place: Place, cells: tuple[Cell, ...], finish: Finish
) -> None:
    source, target = Store(place()), Store(place())
    finish(source, cells[0])
    attempt = finish(target, cells[0], commit=False)
    sink = pa.BufferOutputStream()
    pq.write_table(attempt.read_table("scores"), sink, compression="none")
    attempt.write("scores.parquet", sink.getvalue().to_pybytes())
    assert attempt.commit()
    merged = merge_one(target, source)
    assert (merged.equal, merged.conflicts) == ([cells[0].cell_id], [])


def test_an_added_metric_comes_over(
    place: Place, cells: tuple[Cell, ...], finish: Finish, add_metric: Callable[..., None]
) -> None:
    source, target = Store(place()), Store(place())
    add_metric(finish(source, cells[0]), 1.0)
    mine = finish(target, cells[0])
    merged = merge_one(target, source)
    assert merged.metrics == [f"{mine.key}/metrics.bleu.json"]
    assert mine.read_table("scores.bleu")["value"].to_pylist() == [1.0, 1.0]
    add_metric(mine, 2.0)
    assert merge_one(target, source).metrics == []
    assert mine.read_table("scores.bleu")["value"].to_pylist() == [2.0, 2.0]


@pytest.mark.parametrize("name", ["order.parquet", "status.json", "metrics.json"])
def test_a_damaged_cell_is_not_copied(place: Place, cells: tuple[Cell, ...], finish: Finish, name: str) -> None:
    source, target = Store(place()), Store(place())
    attempt = finish(source, cells[0])
    finish(source, cells[1])
    source.files.write(f"{attempt.key}/{name}", attempt.read(name) + b" ")
    merged = merge_one(target, source)
    assert merged.copied == [cells[1].cell_id]
    assert [str(damage) for _, damage in merged.damaged] == [
        f"{attempt.key}/{name}: its sha256 is not the one in done.json"
    ]
    assert target.files.find(f"cells/{cells[0].cell_id}") == []


def test_a_cell_without_its_eval_set_is_not_copied(place: Place, cells: tuple[Cell, ...], finish: Finish) -> None:
    source, target = Store(place()), Store(place())
    finish(source, cells[0])
    (name,) = source.files.names("evalsets")
    source.files.write(f"evalsets/{name}", b"other")
    merged = merge_one(target, source)
    assert merged.copied == []
    assert [damage.reason.partition(" ")[0] for _, damage in merged.damaged] == ["its", "its"]
    assert target.files.find("") == []


@pytest.mark.parametrize(
    "document", ["../../x", {"attempt": "../x", "files": {}}, {"attempt": "a", "files": {"../x": ""}}]
)
def test_what_leads_out_of_a_store_is_damage(
    tmp_path: Path, stored: Store, cells: tuple[Cell, ...], document: object
) -> None:
    stored.files.write(f"cells/{cells[0].cell_id}/{DONE}", json.dumps(document).encode())
    merged = merge_one(Store(tmp_path / "target"), stored)
    ((_, damage),) = merged.damaged
    assert damage.key == f"cells/{cells[0].cell_id}/done.json"
    assert len(merged.copied) == 2


def test_a_merge_that_was_cut_short_goes_on(stored: Store, tmp_path: Path, cells: tuple[Cell, ...]) -> None:
    target = Store(tmp_path / "target")
    merge_one(target, stored)
    whole = content(target)
    folder = f"cells/{cells[0].cell_id}"
    for key in [key for key in whole if key.startswith(folder)][::2]:
        target.files.remove(key)
    target.files.remove(f"{folder}/{DONE}")
    assert merge_one(target, stored).copied == [cells[0].cell_id]
    assert content(target) == whole


def test_another_attempt_of_the_same_name_is_not_mixed_with(
    stored: Store, tmp_path: Path, cells: tuple[Cell, ...]
) -> None:
    target = Store(tmp_path / "target")
    attempt = stored.committed(cells[0].cell_id)
    assert attempt is not None
    target.files.write(f"{attempt.key}/status.json", b'{"state": "failed"}')
    merge_one(target, stored)
    committed = target.committed(cells[0].cell_id)
    assert committed is not None
    assert committed.name == f"{attempt.name}-2"
    assert target.files.read(f"{attempt.key}/status.json") == b'{"state": "failed"}'
    assert faults(target) == []


def test_two_frozen_matrices_of_one_name_are_a_conflict(stored: Store, tmp_path: Path) -> None:
    target = Store(tmp_path / "target")
    (name,) = stored.files.names("matrices")
    target.files.write(f"matrices/{name}", b"{}")
    (conflict,) = merge_one(target, stored).conflicts
    assert (conflict.key, conflict.kept) == (f"matrices/{name}", None)
    assert target.files.read(f"matrices/{name}") == b"{}"


def test_model_files_come_over(place: Place, tmp_path: Path, cells: tuple[Cell, ...], finish: Finish) -> None:
    source, target = Store(place()), Store(place())
    attempt = finish(source, cells[0], commit=False)
    (tmp_path / "model" / "deep").mkdir(parents=True)
    (tmp_path / "model" / "deep" / "weights").write_bytes(b"w" * 1000)
    attempt.put_folder(tmp_path / "model", "model")
    attempt.commit()
    merge_one(target, source)
    assert target.files.read(f"{attempt.key}/model/deep/weights") == b"w" * 1000


@settings(max_examples=8)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.sampled_from([1.0, 2.0])), max_size=8), st.randoms())
def test_stores_come_to_the_same_results_in_whatever_order_they_are_merged(
    cells: tuple[Cell, ...], finish: Finish, made: list[tuple[int, int, float]], random: object
) -> None:
    sources = [Store(f"memory://{uuid.uuid4().hex}") for _ in range(3)]
    for which, where, loss in made:
        if not sources[where].is_done(cells[which].cell_id):
            finish(sources[where], cells[which], loss=loss)

    def merged(order: list[Store]) -> set[tuple[str, tuple[str, ...]]]:
        target = Store(f"memory://{uuid.uuid4().hex}")
        for source in order:
            merge_one(target, source)
        assert faults(target) == []
        hashes = set()
        for key in target.files.find("cells"):
            if key.endswith(DONE) or "/conflict-" in key:
                document = json.loads(target.files.read(key))
                hashes.add((key.split("/")[1], document["files"]["scores.parquet"]))
        return hashes

    expected = {(cell_id, text) for source in sources for cell_id, text in _scores(source)}
    shuffled = list(sources)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert merged(sources) == merged(shuffled) == expected


def _scores(store: Store) -> set[tuple[str, str]]:
    return {(cell_id, store.read_done(cell_id)["files"]["scores.parquet"]) for cell_id in store.done_cells()}
