"""Reading a store: what is taken, what is not, and what is said of a damaged file."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zsg_harness.reports.collect import collect
from zsg_harness.store.store import Store
from zsg_registry.errors import ZsgError


def replace(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


def test_not_a_store(tmp_path) -> None:
    with pytest.raises(ZsgError, match="not a store"):
        collect(Store(tmp_path))


def test_an_unknown_matrix_is_named_with_the_nearest(store) -> None:
    store.cell("random")
    store.plan("quickstart")
    with pytest.raises(ZsgError, match="did you mean 'quickstart'"):
        collect(Store(store.path), "quickstrat")


def test_a_matrix_takes_its_own_cells_only(store) -> None:
    store.cell("random")
    store.plan("one")
    store.cell("nft", order="x")
    store.plan("two")
    store.cell("loose", order="y")
    assert [cell.labels.arrangement for cell in collect(Store(store.path), "two").finished] == ["nft"]
    assert {cell.labels.arrangement for cell in collect(Store(store.path)).finished} == {"random", "nft", "loose"}


def test_a_cell_of_two_plans_is_read_once_with_the_seeds_of_both(store) -> None:
    store.cell("random", seeds=[0])
    store.planned *= 2
    tables = [{"data": 0, "order": 3, "train": None}, "data=0,order=0,train=0", "data=0,order=1,train=0"]
    store.planned[1] = store.planned[1] | {"seeds": [0, "seed-x", *tables]}
    store.plan()
    (cell,) = collect(Store(store.path)).finished
    assert cell.seeds == ("0", "data=0,order=1,train=0", "data=0,order=3", "seed-x")


def test_only_a_committed_attempt_counts(store) -> None:
    attempt = store.cell("random")
    (attempt.parent / "done.json").unlink()
    (cell,) = collect(Store(store.path)).open
    assert (cell.state, cell.reason) == ("unfinished", "running or interrupted")


@pytest.mark.parametrize(
    ("state", "shown"),
    [("failed", "failed"), ("skipped", "skipped"), ("running", "unfinished"), ("planned", "unfinished")],
)
def test_open_cells_keep_their_reason(store, state: str, shown: str) -> None:
    store.cell("random", state=state, reason="no network")
    store.plan()
    (cell,) = collect(Store(store.path)).open
    assert cell.state == shown
    assert cell.reason == ("no network" if shown in ("failed", "skipped") else cell.reason)


def test_the_newest_attempt_tells_the_state(store) -> None:
    attempt = store.cell("random", state="failed", reason="first")
    later = attempt.parent / "attempt-0"
    later.mkdir()
    status = json.loads((attempt / "status.json").read_text())
    (later / "status.json").write_text(json.dumps(status | {"started": "2026-01-02T00:00:00Z", "reason": "second"}))
    (cell,) = collect(Store(store.path)).open
    assert cell.reason == "second"


def test_added_metrics_are_read_too_once_they_are_whole(store) -> None:
    attempt = store.cell("random")
    (attempt / "scores.bleu.parquet").write_bytes((attempt / "scores.parquet").read_bytes())
    assert len(collect(Store(store.path)).scores) == 6
    (attempt / "metrics.bleu.json").write_bytes((attempt / "metrics.json").read_bytes())
    assert len(collect(Store(store.path)).scores) == 12


def test_an_added_metric_brings_its_direction(store) -> None:
    metrics = {"loss": {"direction": "lower", "scope": "unseen"}}
    attempt = store.cell("random", scores={"bleu": {"task-a": 1.0}}, metrics=metrics)
    with pytest.raises(ZsgError, match=r"no direction and scope .* 'bleu'"):
        collect(Store(store.path))
    (attempt / "metrics.bleu.json").write_text('{"bleu": {"direction": "higher", "scope": "unseen"}}')
    with pytest.raises(ZsgError, match=r"scores\.bleu\.parquet: cannot be read"):
        collect(Store(store.path))
    (attempt / "scores.bleu.parquet").write_bytes((attempt / "scores.parquet").read_bytes())
    assert collect(Store(store.path)).directions == {"loss": "lower", "bleu": "higher"}


def test_a_metric_has_one_direction(store) -> None:
    metrics = {"loss": {"direction": "lower", "scope": "unseen"}, "x": {"direction": "lower", "scope": "unseen"}}
    store.cell("random", metrics=metrics)
    store.cell("nft", order="x", metrics=metrics | {"x": {"direction": "higher", "scope": "unseen"}})
    with pytest.raises(ZsgError, match="metric 'x' is better"):
        collect(Store(store.path))


@pytest.mark.parametrize("name", ["cell.json", "done.json", "status.json", "metrics.json", "scores.parquet"])
@pytest.mark.parametrize("damage", [b"", b"{", b'{"schema_version": 9}', b"PAR1 nothing PAR1"])
def test_a_damaged_file_is_named_in_one_line(store, name: str, damage: bytes) -> None:
    attempt = store.cell("random")
    folder = attempt.parent if name in ("cell.json", "done.json") else attempt
    done = attempt.parent / "done.json"
    done.write_text(json.dumps(json.loads(done.read_text()) | {"files": {}}))
    (folder / name).write_bytes(damage)
    with pytest.raises(ZsgError) as caught:
        collect(Store(store.path))
    assert str(folder / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["status.json", "metrics.json", "scores.parquet"])
def test_a_file_that_is_not_the_committed_one_is_refused(store, name: str) -> None:
    attempt = store.cell("random")
    with (attempt / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(ZsgError, match=rf"{name}: damaged \(its sha256"):
        collect(Store(store.path))


def test_an_order_without_ids_is_named(store) -> None:
    pq.write_table(pa.table({"position": [0]}), store.cell("random") / "order.parquet")
    store.plan()
    with pytest.raises(ZsgError, match=r"order.parquet is damaged: it has no column example_id"):
        collect(Store(store.path))


def test_a_missing_file_is_named(store) -> None:
    attempt = store.cell("random")
    (attempt / "scores.parquet").unlink()
    with pytest.raises(ZsgError, match=r"scores.parquet: cannot be read"):
        collect(Store(store.path))


def test_a_damaged_plan_is_named(store) -> None:
    store.cell("random")
    stem = store.plan()
    replace(store.path / "matrices" / f"{stem}.json", '"name"', '"nom"')
    with pytest.raises(ZsgError, match=rf"{stem}.json: damaged \(name: Field required\)"):
        collect(Store(store.path))


def test_done_cannot_point_out_of_the_cell(store) -> None:
    attempt = store.cell("random")
    replace(attempt.parent / "done.json", "attempt-1", "../attempt-1")
    with pytest.raises(ZsgError, match=r"done.json: damaged"):
        collect(Store(store.path))


def test_temporary_files_are_passed_over(store) -> None:
    attempt = store.cell("random")
    (attempt / ".scores.parquet.x.tmp").write_bytes(b"half")
    (store.path / "cells" / ".tmp").mkdir()
    assert len(collect(Store(store.path)).finished) == 1
