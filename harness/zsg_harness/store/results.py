"""The results of a cell: the one that counts, and those that another store had and that differ from it."""

from __future__ import annotations

import fnmatch
import hashlib
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zsg_harness.store.files import SEGMENT, Files
from zsg_harness.store.formats import json_object, parquet_bytes, parquet_table
from zsg_harness.store.store import Store
from zsg_registry import ZsgError

if TYPE_CHECKING:
    import pyarrow as pa

DONE: Final = "done.json"
COMPARED: Final = ("order.parquet", "receipt.parquet", "scores.parquet", "examples.parquet")
"""The files in which two results of a cell must be equal. The others tell of times and places."""

_PATH: Final = re.compile(rf"{SEGMENT}(/{SEGMENT})*")
_EVAL_SET: Final = re.compile(r"[0-9a-f]{20}")


class Damage(ZsgError):
    """A file of a store is missing, or not what it should be.

    Attributes:
        key: The file.
        reason: What is wrong with it.
    """

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key}: {reason}")
        self.key = key
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Result:
    """A finished attempt at a cell.

    Attributes:
        document: The name of the file that says so: `done.json`, or `conflict-<attempt>.json`.
        attempt: The name of its folder.
        hashes: The SHA-256 of each of its files, as the document says.
    """

    store: Store
    cell_id: str
    document: str
    attempt: str
    hashes: Mapping[str, str]

    @property
    def folder(self) -> str:
        """The key of its folder."""
        return f"cells/{self.cell_id}/{self.attempt}"

    @property
    def eval_sets(self) -> list[str]:
        """The keys of the examples that were scored, of unseen and of seen tasks.

        Raises:
            Damage: What says which they are cannot be read, or says something else.
        """
        key = f"{self.folder}/status.json"
        status = read_json(self.store.files, key)
        names = [str(status[name]) for name in ("evalset", "probeset") if name in status]
        if not all(map(_EVAL_SET.fullmatch, names)):
            raise Damage(key, "it is damaged: what it names is no eval set")
        return [f"evalsets/{name}.parquet" for name in names]

    def added_metrics(self) -> dict[str, list[str]]:
        """The metrics that were added later: of each `metrics.<metric>.json` the tables with its scores."""
        names = self.store.files.names(self.folder)
        told = [name for name in fnmatch.filter(names, "metrics.*.json") if name not in self.hashes]
        metrics = {name: name.removeprefix("metrics.").removesuffix(".json") for name in told}
        tables = {name: [f"scores.{metric}.parquet", f"metrics.{metric}.parquet"] for name, metric in metrics.items()}
        there = {name: [table for table in own if table in names] for name, own in tables.items()}
        return {name: own for name, own in there.items() if tables[name][0] in own}

    def fetch(self, name: str, scratch: Path) -> Path:
        """The place of one of its files on this machine; a remote one is copied into `scratch`.

        Raises:
            Damage: It is missing, or not the file that was committed.
        """
        return self._checked(name, fetch_file(self.store.files, f"{self.folder}/{name}", scratch))

    def copy(self, name: str, scratch: Path) -> Path:
        """A copy of one of its files on this machine, which may be moved.

        Raises:
            Damage: It is missing, or not the file that was committed.
        """
        copy = scratch / self.folder / name
        place = fetch_file(self.store.files, f"{self.folder}/{name}", scratch)
        if place != copy:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(place, copy)
        return self._checked(name, copy)

    def _checked(self, name: str, place: Path) -> Path:
        if file_hash(place) != self.hashes[name]:
            raise Damage(f"{self.folder}/{name}", f"its sha256 is not the one in {self.document}")
        return place


def results_of(store: Store, cell_id: str) -> list[Result]:
    """A cell's results, the one that counts first; none if the cell is not done.

    Raises:
        Damage: What says which files they have cannot be read.
    """
    names = store.files.names(f"cells/{cell_id}")
    if DONE not in names:
        return []
    return [_read_result(store, cell_id, name) for name in (DONE, *fnmatch.filter(names, "conflict-*.json"))]


def differing_files(mine: Result, theirs: Result) -> list[str]:
    """The files in which two results differ. What was written by other versions of a library has other bytes, and is
    compared by what it holds.
    """
    unequal = [name for name in COMPARED if mine.hashes.get(name) != theirs.hashes.get(name)]
    return [name for name in unequal if not _hold_the_same(mine, theirs, name)]


def read_file(files: Files, key: str) -> bytes:
    """The content of a file.

    Raises:
        Damage: It cannot be read.
    """
    try:
        return files.read(key)
    except OSError as error:
        raise Damage(key, f"cannot be read ({error.strerror or error})") from None


def read_json(files: Files, key: str) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        Damage: It cannot be read.
    """
    with _parsing(key):
        return json_object(read_file(files, key), "it")


def read_table(files: Files, key: str) -> pa.Table:
    """The table in a Parquet file.

    Raises:
        Damage: It cannot be read.
    """
    with _parsing(key):
        return parquet_table(read_file(files, key), "it")


@contextmanager
def _parsing(key: str) -> Iterator[None]:
    """What does not parse is a damage of its file."""
    try:
        yield
    except Damage:
        raise
    except ZsgError as error:
        raise Damage(key, str(error)) from None


def fetch_file(files: Files, key: str, scratch: Path) -> Path:
    """The place of a file on this machine; a remote one is copied into `scratch`.

    Raises:
        Damage: It cannot be read.
    """
    try:
        place = files.fetch(key, scratch)
        place.stat()
    except OSError as error:
        raise Damage(key, f"cannot be read ({error.strerror or error})") from None
    return place


def file_hash(path: Path) -> str:
    """The SHA-256 of a file of this machine."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_result(store: Store, cell_id: str, name: str) -> Result:
    key = f"cells/{cell_id}/{name}"
    document = read_json(store.files, key)
    attempt, hashes = document.get("attempt"), document.get("files")
    if not isinstance(attempt, str) or not re.fullmatch(SEGMENT, attempt):
        raise Damage(key, "it is damaged: it names no attempt")
    if not isinstance(hashes, dict) or not all(_is_hash(file, text) for file, text in hashes.items()):
        raise Damage(key, "it is damaged: it has no hash for each file")
    return Result(store, cell_id, name, attempt, hashes)


def _is_hash(file: str, text: object) -> bool:
    return bool(_PATH.fullmatch(file)) and isinstance(text, str) and bool(re.fullmatch(r"[0-9a-f]{64}", text))


def _hold_the_same(mine: Result, theirs: Result, name: str) -> bool:
    if name not in mine.hashes or name not in theirs.hashes:
        return False
    try:
        return _content(mine, name) == _content(theirs, name)
    except Damage:
        return False


def _content(result: Result, name: str) -> bytes:
    """A table as this version of the library would write it, without what is said about it."""
    return parquet_bytes(read_table(result.store.files, f"{result.folder}/{name}").replace_schema_metadata(None))
