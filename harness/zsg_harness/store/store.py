"""The store's folders and files, and which of them make a cell count as done."""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zsg_harness.store.attempt import Attempt
from zsg_harness.store.cache import Cache
from zsg_harness.store.files import SEGMENT, FileState, reason_of
from zsg_harness.store.formats import SCHEMA_VERSION, json_bytes, json_object, parquet_bytes, parquet_table
from zsg_harness.store.places import open_files, scratch_folder
from zsg_registry import ZsgError

if TYPE_CHECKING:
    import pyarrow as pa


CHECKPOINT: Final = "checkpoint-"
"""How the name of a checkpoint's folder begins; the step follows."""

CHECKPOINT_LAST: Final = "state.json"
"""What is written last of a checkpoint, which counts when it has it."""


class Store:
    """A place of results: a folder, or a URL such as `s3://bucket/runs`.

    A cell exists when its `done.json` does; what has none is an attempt that was cut short or failed. Nothing that
    was committed is ever written again.

    Attributes:
        files: All that is in it.
        scratch: A folder of this machine for what must lie on its own disk: caches, logs, files in the making. Of
            a store on this machine it is the store itself.
    """

    def __init__(self, place: str | Path) -> None:
        """Find the place; nothing is made yet.

        Raises:
            ZsgError: It is a URL of an unknown kind.
        """
        self.files = open_files(place)
        self.scratch = scratch_folder(self.files)

    @property
    def url(self) -> str:
        """The place, as a user writes it."""
        return self.files.url

    @property
    def cache(self) -> Cache:
        """Where embeddings and the like are kept, by content; safe to delete."""
        if self.files.folder is not None:
            return Cache(self.scratch / "cache")
        return Cache(self.scratch / "cache", self.files)

    @property
    def exists(self) -> bool:
        """Whether there is a store at this place.

        Raises:
            ZsgError: The place cannot be read.
        """
        with self._reading():
            return bool({"cells", "matrices"} & set(self.files.folders("")))

    @contextmanager
    def making(self, what: str) -> Iterator[Path]:
        """A folder of this machine for files in the making, which is gone when the block ends."""
        place = self.scratch / "making"
        place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place, prefix=f"{what}-") as folder:
            yield Path(folder)

    def prepare(self) -> None:
        """See that the store can be written.

        Raises:
            ZsgError: It cannot.
        """
        probe = f".probe-{os.getpid()}-{time.monotonic_ns()}"
        try:
            self.files.write(probe, b"")
            self.files.unlink(probe)
        except (OSError, ValueError) as error:
            raise ZsgError(f"the store {self.url} cannot be written: {reason_of(error)}") from None

    def cell_ids(self) -> list[str]:
        """The ids of all cells that were ever begun.

        Raises:
            ZsgError: The place cannot be read.
        """
        with self._reading():
            return self.files.folders("cells")

    def done_cells(self) -> set[str]:
        """The ids of all committed cells.

        Raises:
            ZsgError: The place cannot be read.
        """
        if self.files.folder is not None:
            return {cell_id for cell_id in self.cell_ids() if self.is_done(cell_id)}
        with self._reading():
            found = (key.split("/") for key in self.files.find("cells"))
        return {parts[1] for parts in found if parts[2:] == ["done.json"]}

    def cell_files(self, cell_ids: Iterable[str]) -> dict[str, dict[str, FileState]]:
        """The files of some cells, by their keys below the cell's folder; a remote store is listed once for all."""
        if self.files.folder is not None:
            return {cell_id: self.files.states(_cell(cell_id)) for cell_id in cell_ids}
        found: dict[str, dict[str, FileState]] = {cell_id: {} for cell_id in cell_ids}
        for key, state in self.files.states("cells").items():
            cell_id, _, own = key.partition("/")
            if cell_id in found:
                found[cell_id][own] = state
        return found

    def is_done(self, cell_id: str) -> bool:
        """Whether a cell is committed."""
        return self.files.exists(f"{_cell(cell_id)}/done.json")

    def read_cell(self, cell_id: str) -> dict[str, Any]:
        """A cell's description, `cell.json`.

        Raises:
            ZsgError: It is missing or damaged.
        """
        return self._read_json(f"{_cell(cell_id)}/cell.json")

    def new_attempt(self, cell_id: str, description: Mapping[str, Any]) -> Attempt:
        """Begin an attempt at a cell; `description` becomes its `cell.json`."""
        self.files.write(f"{_cell(cell_id)}/cell.json", json_bytes({"schema_version": SCHEMA_VERSION, **description}))
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S-%f}-{os.getpid()}"  # later ones sort behind earlier ones
        return Attempt(self.files, _cell(cell_id), name)

    def attempts(self, cell_id: str) -> list[Attempt]:
        """Every attempt at a cell, the newest last."""
        names = [name for name in self.files.folders(_cell(cell_id)) if not name.startswith(CHECKPOINT)]
        return [Attempt(self.files, _cell(cell_id), name) for name in names]

    def committed(self, cell_id: str) -> Attempt | None:
        """The attempt that was committed, or None.

        Raises:
            ZsgError: What says which it is is damaged.
        """
        if not self.is_done(cell_id):
            return None
        name = self.read_done(cell_id).get("attempt")
        if not isinstance(name, str) or not re.fullmatch(SEGMENT, name):
            raise ZsgError(f"{self.url}/{_cell(cell_id)}/done.json is damaged: it names no attempt")
        return Attempt(self.files, _cell(cell_id), name)

    def read_done(self, cell_id: str) -> dict[str, Any]:
        """A committed cell's `done.json`: the attempt that counts, and the hashes of its files.

        Raises:
            ZsgError: It is missing or damaged.
        """
        return self._read_json(f"{_cell(cell_id)}/done.json")

    def last_status(self, cell_id: str) -> dict[str, Any] | None:
        """The `status.json` of the newest attempt that has one, or None."""
        for attempt in reversed(self.attempts(cell_id)):
            if self.files.exists(f"{attempt.key}/status.json"):
                return attempt.read_json("status")
        return None

    def checkpoint_step(self, cell_id: str) -> int | None:
        """The step at which a cell would go on from its newest checkpoint, or None."""
        folders = [name for name in self.files.folders(_cell(cell_id)) if name.startswith(CHECKPOINT)]
        whole = [name for name in folders if self.files.exists(f"{_cell(cell_id)}/{name}/{CHECKPOINT_LAST}")]
        return max((int(name.removeprefix(CHECKPOINT)) for name in whole), default=None)

    def newest_attempt(self, cell_id: str) -> str:
        """The name of the newest attempt at a cell; empty if there is none."""
        return max((attempt.name for attempt in self.attempts(cell_id)), default="")

    def mark_failed(self, cell_id: str, description: Mapping[str, Any], before: str, reason: str, log: str = "") -> str:
        """Say of an attempt at a cell that it failed: its process ended before it could.

        Args:
            cell_id: The cell.
            description: For a process that ended before it had begun an attempt: this is begun in its place.
            before: What `newest_attempt` said before the process was given the cell.
            reason: Why, in one line.
            log: What the process printed last.

        Returns:
            The attempt's name.
        """
        attempts = self.attempts(cell_id)
        attempt = attempts[-1] if attempts and attempts[-1].name != before else self.new_attempt(cell_id, description)
        if not self.is_done(cell_id):
            told = attempt.read_json("status") if "status.json" in attempt.names() else {}
            attempt.status(**{**told, "state": "failed", "reason": reason})
            if log:
                attempt.write("log.txt", log.encode())
        return attempt.name

    def write_matrix(self, name: str, digest: str, document: Mapping[str, Any]) -> None:
        """Freeze a plan."""
        key = f"matrices/{name.replace('/', '-')}-{digest}.json"
        self.files.write(key, json_bytes({"schema_version": SCHEMA_VERSION, **document}))

    def matrices(self) -> dict[str, dict[str, Any]]:
        """The frozen plans by the stem of their file, `<name>-<digest>`.

        Raises:
            ZsgError: One is damaged.
        """
        names = [name for name in self.files.names("matrices") if name.endswith(".json")]
        return {name.removesuffix(".json"): self._read_json(f"matrices/{name}") for name in names}

    def write_eval_set(self, table: pa.Table) -> str:
        """Keep the scored examples, once for all cells that share them; returns their name in `evalsets/`."""
        data = parquet_bytes(table)
        name = eval_set_name(data)
        if not self.files.exists(f"evalsets/{name}.parquet"):
            self.files.write(f"evalsets/{name}.parquet", data)
        return name

    def read_eval_set(self, name: str) -> pa.Table:
        """The examples of `write_eval_set`.

        Raises:
            ZsgError: They are missing or damaged.
        """
        key = f"evalsets/{name}.parquet"
        return parquet_table(self._read(key), f"{self.url}/{key}")

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ZsgError(f"the store {self.url} cannot be read: {reason_of(error)}") from None

    def _read_json(self, key: str) -> dict[str, Any]:
        return json_object(self._read(key), f"{self.url}/{key}")

    def _read(self, key: str) -> bytes:
        try:
            return self.files.read(key)
        except OSError as error:
            raise ZsgError(f"{self.url}/{key} cannot be read: {reason_of(error)}") from None


def eval_set_name(data: bytes) -> str:
    """What an eval set with this content is called."""
    return hashlib.sha256(data).hexdigest()[:20]


def _cell(cell_id: str) -> str:
    return f"cells/{cell_id}"
