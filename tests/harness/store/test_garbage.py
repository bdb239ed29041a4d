"""What no result needs goes; what a result or a run needs stays."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from zsg_harness.plan.cell import Cell
from zsg_harness.reports.collect import collect
from zsg_harness.store import index
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.garbage import find_garbage, remove_garbage
from zsg_harness.store.leases import Leases
from zsg_harness.store.merge import merge
from zsg_harness.store.store import Store
from zsg_harness.store.verify import Verifier

Finish = Callable[..., Attempt]


def collect_garbage(store: Store, keep_cache: bool = False) -> set[tuple[str, str]]:
    with Leases(store.files) as leases:
        gone = remove_garbage(find_garbage(store, leases.held(), keep_cache), leases)
    return {(each.kind, each.key) for each in gone}


def test_what_a_finished_cell_does_not_need_goes(
    place: Callable[[], str], cells: tuple[Cell, ...], finish: Finish
) -> None:
    store, other = Store(place()), Store(place())
    failed = finish(store, cells[0], commit=False)
    kept = finish(store, cells[0])
    finish(other, cells[0], loss=9.0)
    merge(store, {"other": other})
    open_cell = finish(store, cells[1], commit=False)
    for cell in cells[:2]:
        store.files.write(f"cells/{cell.cell_id}/checkpoint-3/state.json", b"{}")
    before = set(store.files.find("cells"))

    gone = collect_garbage(store)
    folder = f"cells/{cells[0].cell_id}"
    assert gone == {("attempt", failed.key), ("checkpoint", f"{folder}/checkpoint-3")}
    left = set(store.files.find("cells"))
    assert before - left == {key for key in before if key.startswith((failed.key, f"{folder}/checkpoint-3"))}
    assert {kept.key, open_cell.key} <= {key.rpartition("/")[0] for key in left}
    assert Verifier(store).verify().faults == []
    assert collect_garbage(store) == set()


def test_nothing_goes_from_a_cell_whose_result_is_lost(stored: Store, cells: tuple[Cell, ...], finish: Finish) -> None:
    finish(stored, cells[0], commit=False)
    committed = stored.committed(cells[0].cell_id)
    assert committed is not None
    stored.files.remove(committed.key)
    assert collect_garbage(stored) == set()


def test_a_run_that_goes_on_keeps_its_cells_and_the_caches(
    stored: Store, cells: tuple[Cell, ...], finish: Finish
) -> None:
    finish(stored, cells[0], commit=False)
    stored.files.write("cache/embeddings/x.npy", b"vectors")
    stored.files.write("logs/worker-1.log", b"said")
    with Leases(stored.files) as run:
        assert run.take(cells[0].cell_id)
        assert collect_garbage(stored) == set()
        run.release(cells[0].cell_id)
    assert {kind for kind, _ in collect_garbage(stored)} == {"attempt", "cache", "log"}


def test_the_cache_can_be_kept(stored: Store) -> None:
    stored.files.write("cache/x", b"x")
    assert collect_garbage(stored, keep_cache=True) == set()
    assert collect_garbage(stored) == {("cache", "cache")}
    assert not stored.files.exists("cache/x")


def test_the_caches_of_a_remote_store_are_in_two_places(cells: tuple[Cell, ...], finish: Finish) -> None:
    store = Store("memory://with-caches")
    finish(store, cells[0])
    store.files.write("cache/x", b"x")
    store.cache.folder.mkdir(parents=True)
    store.cache.path("y").write_bytes(b"y")
    garbage = find_garbage(store, set())
    assert [(each.kind, each.count, each.size) for each in garbage] == [("cache", 1, 1)] * 2
    collect_garbage(store)
    assert not store.files.exists("cache/x")
    assert not store.cache.path("y").exists()


def test_a_lease_whose_holder_is_gone_goes(stored: Store, cells: tuple[Cell, ...]) -> None:
    name = cells[0].cell_id
    with Leases(stored.files) as run:
        run.take(name)
        left = stored.files.read(f"leases/{name}/1")
    stored.files.write(f"leases/{name}/1", left.replace(str(os.getpid()).encode(), b"999999"))
    assert collect_garbage(stored) == {("stale lease", f"leases/{name}")}
    assert stored.files.find("leases") == []


def test_a_holder_on_another_machine_is_watched(stored: Store, cells: tuple[Cell, ...]) -> None:
    name = cells[0].cell_id
    stored.files.write(f"leases/{name}/1", b'{"machine": "another"}')
    with Leases(stored.files, stale_after=0.3) as leases:
        started = time.monotonic()
        assert leases.held() == set()
        assert time.monotonic() - started >= 0.3
    with Leases(stored.files, stale_after=60.0) as leases:
        leases._lives(f"leases/{name}/1")
        stored.files.write(f"leases/{name}/1.beat", b"1")
        assert leases.held() == {name}


def test_what_killed_processes_were_writing_goes_when_it_is_old(stored: Store, cells: tuple[Cell, ...]) -> None:
    places = [Path(stored.url, "making", "model-x", "weights"), Path(stored.url, "cells", ".x.json.9.tmp")]
    for place in places:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(b"half")
    assert collect_garbage(stored) == set()
    long_ago = time.time() - 7200
    for place in [*places, places[0].parent]:
        os.utime(place, (long_ago, long_ago))
    assert {kind for kind, _ in collect_garbage(stored)} == {"in the making"}
    assert not any(place.exists() for place in places)


def test_a_shard_that_tells_of_no_cell_goes(
    stored: Store, cells: tuple[Cell, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "_ENOUGH", 1)
    collect(stored)
    (name,) = stored.files.names("index")
    assert collect_garbage(stored) == set()
    for cell in cells[:3]:
        stored.files.remove(f"cells/{cell.cell_id}/cell.json")
    assert collect_garbage(stored) == {("index", f"index/{name}")}
