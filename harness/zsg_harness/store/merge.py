"""Merging: the finished cells of other stores are copied into one, and nothing that is there is ever written over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from zsg_harness.store.formats import json_bytes
from zsg_harness.store.leases import Leases
from zsg_harness.store.results import (
    DONE,
    Damage,
    Result,
    differing_files,
    file_hash,
    read_file,
    read_json,
    read_table,
    results_of,
)
from zsg_harness.store.store import Store, eval_set_name
from zsg_registry import ZsgError

_SHARED: Final = ("evalsets", "matrices")


@dataclass(frozen=True, slots=True)
class Conflict:
    """Something that two stores have and that differs between them.

    Attributes:
        key: The cell's folder, or the file.
        source: What the store that was merged in is called.
        differs: The files that differ.
        kept: The key under which the source's version is in the target; None where only the target's is kept.
    """

    key: str
    source: str
    differs: tuple[str, ...]
    kept: str | None

    def __str__(self) -> str:
        kept = "it is not copied" if self.kept is None else f"it is kept as {self.kept}"
        return f"{self.key}: {' and '.join(self.differs)} of {self.source} differ; {kept}"


@dataclass(slots=True)
class Merged:
    """What came of a merge.

    Attributes:
        copied: The cells that are new in the target.
        equal: The cells that the target had, with equal results.
        metrics: The metrics that were added to cells of the target, as keys of their files.
        files: Eval sets and frozen matrices that are new in the target.
        conflicts: What differs.
        damaged: What was not copied because it is damaged, with what the store is called.
    """

    copied: list[str] = field(default_factory=list)
    equal: list[str] = field(default_factory=list)
    metrics: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    damaged: list[tuple[str, Damage]] = field(default_factory=list)


def merge(target: Store, sources: Mapping[str, Store]) -> Merged:
    """Copy what other stores have of finished cells, eval sets and frozen matrices into a store.

    A cell that both have with equal results is passed over. One with other results is copied beside, with a
    `conflict-<attempt>.json` of its own; the target's commit still counts.

    Args:
        target: Where to.
        sources: The other stores, by what they are called.

    Raises:
        ZsgError: The target cannot be written.
    """
    target.prepare()
    merged = Merged()
    try:
        with Leases(target.files) as leases:
            for name, source in sources.items():
                _merge_store(target, name, source, leases, merged)
    except OSError as error:
        raise ZsgError(f"the store {target.url} cannot be written: {error.strerror or error}") from None
    return merged


def _merge_store(target: Store, called: str, source: Store, leases: Leases, merged: Merged) -> None:
    for folder in _SHARED:
        for name in source.files.names(folder):
            with _noting_damage(called, merged):
                _merge_shared(target, called, source, f"{folder}/{name}", merged)
    for cell_id in sorted(source.done_cells()):
        with _noting_damage(called, merged):
            for result in results_of(source, cell_id):
                _merge_result(target, called, result, leases, merged)


@contextmanager
def _noting_damage(called: str, merged: Merged) -> Iterator[None]:
    try:
        yield
    except Damage as damage:
        merged.damaged.append((called, damage))


def _merge_shared(target: Store, called: str, source: Store, key: str, merged: Merged) -> None:
    """An eval set, whose name is its content's hash, or a frozen matrix."""
    is_eval_set, is_there = key.startswith("evalsets/"), target.files.exists(key)
    if is_eval_set and is_there:
        return
    data = read_file(source.files, key)
    if is_eval_set and eval_set_name(data) != Path(key).stem:
        raise Damage(key, "its name is not its content's hash")
    if not is_there and target.files.create(key, data):
        merged.files.append(key)
    elif target.files.read(key) != data:
        merged.conflicts.append(Conflict(key, called, (Path(key).name,), None))


def _merge_result(target: Store, called: str, result: Result, leases: Leases, merged: Merged) -> None:
    there = results_of(target, result.cell_id)
    if not there:
        if _copy(target, result, DONE) is not None:
            merged.copied.append(result.cell_id)
            return
        there = results_of(target, result.cell_id)  # another process was first
    for mine in there:
        if not differing_files(mine, result):
            merged.equal.append(result.cell_id)
            merged.metrics += _add_metrics(target, mine.folder, result)
            return
    differs = tuple(differing_files(there[0], result))
    taken = leases.take(result.cell_id)  # who collects garbage leaves the cell alone meanwhile
    kept = _copy(target, result, None)
    if taken:
        leases.release(result.cell_id)
    merged.conflicts.append(Conflict(f"cells/{result.cell_id}", called, differs, kept))


def _copy(target: Store, result: Result, document: str | None) -> str | None:
    """Copy a result; what says that it is there comes last.

    All files are copied to this machine, and their hashes checked, before any of them appears in the target.

    Args:
        target: Where to.
        result: What to copy.
        document: What it is committed by; None for a `conflict-<attempt>.json` of its own.

    Returns:
        The key of what it was committed by, or None if that was there before.

    Raises:
        Damage: The source is damaged.
    """
    cell, source = f"cells/{result.cell_id}", result.store.files
    with target.making("merge") as scratch:
        if read_json(source, f"{cell}/cell.json").get("cell_id") != result.cell_id:
            raise Damage(f"{cell}/cell.json", "it describes another cell")
        places = {name: result.copy(name, scratch) for name in result.hashes}
        _check_eval_set(target, result)
        attempt = _free_attempt(target, result, places, scratch / "there")
        target.files.create(f"{cell}/cell.json", read_file(source, f"{cell}/cell.json"))
        there = set(target.files.find(f"{cell}/{attempt}"))
        for name, place in places.items():
            if f"{cell}/{attempt}/{name}" not in there:
                target.files.put(place, f"{cell}/{attempt}/{name}")
    done = {**read_json(source, f"{cell}/{result.document}"), "attempt": attempt}
    key = f"{cell}/{document or f'conflict-{attempt}.json'}"
    if not target.files.create(key, json_bytes(done)):
        return None
    _add_metrics(target, f"{cell}/{attempt}", result)
    return key


def _check_eval_set(target: Store, result: Result) -> None:
    """See that the examples that were scored have come over."""
    for key in result.eval_sets:
        if not target.files.exists(key):
            raise Damage(result.folder, f"its eval set {key} is missing or damaged")


def _free_attempt(target: Store, result: Result, places: Mapping[str, Path], scratch: Path) -> str:
    """The attempt's name; another one if the target has another attempt of that name.

    What an earlier copy has left, which was cut short, is the same attempt.
    """
    number, attempt = 1, result.attempt
    while not _is_part(target, f"cells/{result.cell_id}/{attempt}", places, scratch):
        number += 1
        attempt = f"{result.attempt}-{number}"
    return attempt


def _is_part(target: Store, folder: str, places: Mapping[str, Path], scratch: Path) -> bool:
    """Whether all files of a folder are among some."""
    for key in target.files.find(folder):
        place = places.get(key.removeprefix(f"{folder}/"))
        if place is None or file_hash(target.files.fetch(key, scratch)) != file_hash(place):
            return False
    return True


def _add_metrics(target: Store, folder: str, result: Result) -> list[str]:
    """Copy the metrics that were added to a result and that the target lacks; what says that they are there, last.

    Returns:
        Their keys.

    Raises:
        Damage: One is damaged.
    """
    source, added = result.store.files, []
    for told, tables in result.added_metrics().items():
        if target.files.exists(f"{folder}/{told}"):
            continue
        for table in tables:
            read_table(source, f"{result.folder}/{table}")
        read_json(source, f"{result.folder}/{told}")
        for name in (*tables, told):
            target.files.write(f"{folder}/{name}", read_file(source, f"{result.folder}/{name}"))
        added.append(f"{folder}/{told}")
    return added
