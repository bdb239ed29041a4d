"""The store's folders and files, and which of them make a cell count as done."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zsg_harness.store.atomic import write_bytes, write_text
from zsg_registry import ZsgError

if TYPE_CHECKING:
    # pyarrow is imported where a table is read or written: a plan is compared with the store without it.
    import pyarrow as pa

SCHEMA_VERSION: Final = 1


class Store:
    """A folder of results.

    A cell exists when its `done.json` does; what has none is an attempt that was cut short or failed. Nothing that
    was committed is ever written again.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def prepare(self) -> None:
        """Make the store's folder and see that it can be written.

        Raises:
            ZsgError: It cannot.
        """
        probe = self.root / f".probe-{os.getpid()}"
        try:
            write_bytes(probe, b"")
            probe.unlink()
        except OSError as error:
            raise ZsgError(f"the store {self.root} cannot be written: {error.strerror or error}") from None

    @property
    def cache(self) -> Path:
        """Where embeddings and the like are kept, by content; safe to delete."""
        return self.root / "cache"

    def cell(self, cell_id: str) -> Path:
        """A cell's folder."""
        return self.root / "cells" / cell_id

    def done_cells(self) -> set[str]:
        """The ids of all committed cells."""
        return {path.parent.name for path in (self.root / "cells").glob("*/done.json")}

    def new_attempt(self, cell_id: str, description: Mapping[str, Any]) -> Attempt:
        """Begin an attempt at a cell; `description` becomes its `cell.json`."""
        folder = self.cell(cell_id)
        write_text(folder / "cell.json", _json({"schema_version": SCHEMA_VERSION, **description}))
        name = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{os.getpid()}-{time.monotonic_ns() % 10**6:06d}"
        return Attempt(folder, name)

    def committed(self, cell_id: str) -> Path | None:
        """The folder of the attempt that was committed, or None."""
        done = self.cell(cell_id) / "done.json"
        return done.parent / read_json(done)["attempt"] if done.is_file() else None

    def last_status(self, cell_id: str) -> dict[str, Any] | None:
        """The `status.json` of the newest attempt, or None."""
        found = sorted(self.cell(cell_id).glob("*/status.json"))
        return read_json(found[-1]) if found else None

    def mark_failed(self, cell_id: str, reason: str) -> None:
        """Say of the newest attempt at a cell that it failed: its process ended before it could."""
        found = sorted(self.cell(cell_id).glob("*/status.json"))
        if found and not (found[-1].parent.parent / "done.json").is_file():
            write_text(found[-1], _json({**read_json(found[-1]), "state": "failed", "reason": reason}))

    def write_matrix(self, name: str, digest: str, document: Mapping[str, Any]) -> Path:
        """Freeze a plan."""
        path = self.root / "matrices" / f"{name.replace('/', '-')}-{digest}.json"
        write_text(path, _json({"schema_version": SCHEMA_VERSION, **document}))
        return path

    def write_eval_set(self, table: pa.Table) -> str:
        """Keep the scored examples, once for all cells that share them; returns their name in `evalsets/`."""
        data = parquet_bytes(table)
        name = hashlib.sha256(data).hexdigest()[:20]
        path = self.root / "evalsets" / f"{name}.parquet"
        if not path.is_file():
            write_bytes(path, data)
        return name

    def read_eval_set(self, name: str) -> pa.Table:
        """The examples of `write_eval_set`."""
        return read_parquet(self.root / "evalsets" / f"{name}.parquet")


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a cell. Files are added one by one; `commit` makes them count."""

    cell: Path
    name: str

    @property
    def folder(self) -> Path:
        """Where its files are."""
        return self.cell / self.name

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write `<name>.parquet`."""
        write_bytes(self.folder / f"{name}.parquet", parquet_bytes(table))

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Write `<name>.json`."""
        write_text(self.folder / f"{name}.json", _json(document))

    def status(self, state: str, **fields: Any) -> None:
        """Write `status.json`."""
        self.write_json("status", {"schema_version": SCHEMA_VERSION, "state": state, **fields})

    def commit(self) -> bool:
        """Make this attempt the cell's result, unless another was first.

        Returns:
            Whether this attempt is the one that counts.
        """
        files = [path for path in sorted(self.folder.rglob("*")) if path.is_file() and not path.name.startswith(".")]
        hashes = {path.relative_to(self.folder).as_posix(): _sha256(path) for path in files}
        done = _json({"schema_version": SCHEMA_VERSION, "attempt": self.name, "files": hashes}).encode()
        ready = self.folder / ".done.json"
        write_bytes(ready, done)
        try:
            os.link(ready, self.cell / "done.json")  # unlike a rename, a link never replaces an earlier commit
        except FileExistsError:
            return False
        finally:
            ready.unlink()
        return True


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        ZsgError: The file is missing or damaged.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ZsgError(f"{path} is damaged or missing: {error}") from None
    if not isinstance(document, dict):
        raise ZsgError(f"{path} is damaged: it is not a JSON object")
    return document


def read_parquet(path: Path) -> pa.Table:
    """Read a Parquet file.

    Raises:
        ZsgError: The file is missing or damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise ZsgError(f"{path} is damaged or missing: {str(error).partition(chr(10))[0]}") from None


def iterate_cells(root: Path) -> Iterator[Path]:
    """The folders of all cells, committed or not, in a stable order."""
    yield from sorted(path.parent for path in (root / "cells").glob("*/cell.json"))


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False, default=str) + "\n"


def parquet_bytes(table: pa.Table) -> bytes:
    """A table as the content of a Parquet file, in the store's compression."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd")
    data: bytes = sink.getvalue().to_pybytes()
    return data


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
