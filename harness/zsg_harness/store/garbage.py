"""Garbage: what no result needs any more, and what of it may go while runs use the store."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from zsg_harness.store.files import Files, FileState
from zsg_harness.store.index import Index, cell_state
from zsg_harness.store.leases import Leases
from zsg_harness.store.local import LocalFiles
from zsg_harness.store.results import DONE, Damage, results_of
from zsg_harness.store.store import Store

CACHE: Final = "cache"
LEASE: Final = "stale lease"

_OLD: Final = 3600.0
"""Seconds after which a file in the making has no maker any more."""

_TEMPORARY: Final = re.compile(r"\..*\.tmp")


@dataclass(frozen=True, slots=True)
class Garbage:
    """A file or a folder that may go.

    Attributes:
        kind: What it is, in a word or two.
        files: Where it is.
        key: Its key there.
        count: How many files it has.
        size: Their bytes.
        lease: What must not be held by anybody while it goes, or None.
    """

    kind: str
    files: Files
    key: str
    count: int
    size: int
    lease: str | None = None


def find_garbage(store: Store, held: set[str], keep_cache: bool = False) -> list[Garbage]:
    """What may go: attempts and checkpoints that a finished cell does not need, leases whose holders are gone, shards
    of the index that tell of no cell; and caches, logs and files in the making if no run goes on.

    Args:
        store: The store.
        held: The leases that somebody has.
        keep_cache: Leave the caches.
    """
    cell_files = store.cell_files(store.cell_ids())
    found = [each for each in _left_in_cells(store, cell_files) if each.lease not in held]
    found += _stale_leases(store, held)
    found += _useless_shards(store, cell_files)
    if not held:
        places = [LocalFiles(store.scratch)] + [store.files] * (store.files.folder is None)
        for kind, folder in [("log", "logs")] + [(CACHE, "cache")] * (not keep_cache):
            found += [_folder(kind, files, folder) for files in places]
        found += _in_the_making(store.scratch)
    return [each for each in found if each.count]


def remove_garbage(garbage: Iterable[Garbage], leases: Leases) -> list[Garbage]:
    """Delete; returns what is gone. What somebody has begun to work on stays."""
    gone = []
    for each in garbage:
        if each.lease is not None and not leases.take(each.lease):
            continue
        if each.kind != LEASE:  # to take one that is stale is to remove it
            each.files.remove(each.key)
        if each.lease is not None:
            leases.release(each.lease)
        gone.append(each)
    return gone


def _left_in_cells(store: Store, cell_files: Mapping[str, Mapping[str, FileState]]) -> Iterator[Garbage]:
    """The folders of finished cells that none of their results is in."""
    for cell_id, files in cell_files.items():
        folders: dict[str, list[FileState]] = {}
        for name, state in files.items():
            folder, is_below, _ = name.partition("/")
            if is_below:
                folders.setdefault(folder, []).append(state)
        if DONE not in files or len(folders) < 2:
            continue
        try:
            kept = {result.attempt for result in results_of(store, cell_id)}
        except Damage:
            continue
        if not kept <= set(folders):
            continue  # the result is lost: what is beside it may be all there is
        for folder in sorted(set(folders) - kept):
            kind = "checkpoint" if folder.startswith("checkpoint-") else "attempt"
            yield _garbage(kind, store.files, f"cells/{cell_id}/{folder}", folders[folder], cell_id)


def _stale_leases(store: Store, held: set[str]) -> Iterator[Garbage]:
    for name in Leases(store.files).names():
        if name not in held:
            key = f"leases/{name}"
            yield _garbage(LEASE, store.files, key, list(store.files.states(key).values()), name)


def _useless_shards(store: Store, cell_files: Mapping[str, Mapping[str, FileState]]) -> Iterator[Garbage]:
    states = {cell_id: cell_state(files) for cell_id, files in cell_files.items()}
    for key in Index(store.files).useless(states):
        yield Garbage("index", store.files, key, 1, store.files.size(key))


def _in_the_making(scratch: Path) -> Iterator[Garbage]:
    """What killed processes were writing on this machine."""
    files = LocalFiles(scratch)
    for name in files.folders("making"):
        if _is_old(scratch / "making" / name):
            yield _folder("in the making", files, f"making/{name}")
    for folder, folders, names in os.walk(scratch):
        folders[:] = [name for name in folders if Path(folder, name) != scratch / "making"]
        for place in (Path(folder, name) for name in names if _TEMPORARY.fullmatch(name)):
            if _is_old(place):
                key = place.relative_to(scratch).as_posix()
                yield Garbage("in the making", files, key, 1, files.size(key))


def _is_old(place: Path) -> bool:
    newest = max((each.lstat().st_mtime for each in [place, *place.rglob("*")]), default=0.0)
    return time.time() - newest > _OLD


def _folder(kind: str, files: Files, key: str) -> Garbage:
    return _garbage(kind, files, key, list(files.states(key).values()))


def _garbage(kind: str, files: Files, key: str, states: Sequence[FileState], lease: str | None = None) -> Garbage:
    return Garbage(kind, files, key, len(states), sum(state.size for state in states), lease)
