"""One try at a cell: files are added one by one, and a commit makes them count."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from zsg_harness.store.files import Files, reason_of
from zsg_harness.store.formats import SCHEMA_VERSION, json_bytes, json_object, parquet_bytes, parquet_table
from zsg_registry import ZsgError

if TYPE_CHECKING:
    import pyarrow as pa


class Attempt:
    """A try at a cell.

    Attributes:
        name: Its folder's name; later attempts sort behind earlier ones.
        key: Its folder, from the store's place.
    """

    def __init__(self, files: Files, cell_key: str, name: str) -> None:
        self.name = name
        self.key = f"{cell_key}/{name}"
        self._files = files
        self._cell_key = cell_key
        self._hashes: dict[str, str] = {}

    @property
    def folder(self) -> Path:
        """Its folder, of a store on this machine."""
        assert self._files.folder is not None
        return self._files.folder / self.key

    @property
    def url(self) -> str:
        """Its place, as a user writes it."""
        return f"{self._files.url}/{self.key}"

    def names(self) -> list[str]:
        """The names of its files, sorted; those in folders of it are not among them."""
        return self._files.names(self.key)

    def sizes(self) -> dict[str, int]:
        """The bytes of all its files, with those in folders of it."""
        return {name: state.size for name, state in self._files.states(self.key).items()}

    def read(self, name: str) -> bytes:
        """The content of a file.

        Raises:
            ZsgError: It is missing or cannot be read.
        """
        try:
            return self._files.read(f"{self.key}/{name}")
        except OSError as error:
            raise ZsgError(f"{self.url}/{name} cannot be read: {reason_of(error)}") from None

    def read_json(self, name: str) -> dict[str, Any]:
        """Read `<name>.json`.

        Raises:
            ZsgError: It is missing or damaged.
        """
        return json_object(self.read(f"{name}.json"), f"{self.url}/{name}.json")

    def read_table(self, name: str) -> pa.Table:
        """Read `<name>.parquet`.

        Raises:
            ZsgError: It is missing or damaged.
        """
        return parquet_table(self.read(f"{name}.parquet"), f"{self.url}/{name}.parquet")

    def final_scores(self) -> dict[str, float]:
        """The mean over tasks of every output at the last step that it was scored at.

        Raises:
            ZsgError: A table of scores is damaged.
        """
        values: dict[str, dict[int, list[float]]] = {}
        for name in fnmatch.filter(self.names(), "scores*.parquet"):
            table = self.read_table(name.removesuffix(".parquet"))
            for row in table.select(["step", "metric", "value"]).to_pylist():
                values.setdefault(row["metric"], {}).setdefault(row["step"], []).append(row["value"])
        return {metric: fmean(steps[max(steps)]) for metric, steps in sorted(values.items())}

    def write(self, name: str, data: bytes) -> None:
        """Write a file."""
        self._files.write(f"{self.key}/{name}", data)
        self._hashes[name] = hashlib.sha256(data).hexdigest()

    def write_table(self, name: str, table: pa.Table) -> None:
        """Write `<name>.parquet`."""
        self.write(f"{name}.parquet", parquet_bytes(table))

    def write_json(self, name: str, document: Mapping[str, Any]) -> None:
        """Write `<name>.json`."""
        self.write(f"{name}.json", json_bytes(document))

    def put_folder(self, folder: Path, name: str) -> None:
        """Add all files of a folder of this machine, which may be moved."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            own = f"{name}/{path.relative_to(folder).as_posix()}"
            with path.open("rb") as file:
                self._hashes[own] = hashlib.file_digest(file, "sha256").hexdigest()
            self._files.put(path, f"{self.key}/{own}")

    def status(self, state: str, **fields: Any) -> None:
        """Write `status.json`."""
        self.write_json("status", {"schema_version": SCHEMA_VERSION, "state": state, **fields})

    def commit(self) -> bool:
        """Make this attempt the cell's result, unless another was first.

        Returns:
            Whether this attempt is the one that counts.
        """
        done = {"schema_version": SCHEMA_VERSION, "attempt": self.name, "files": dict(sorted(self._hashes.items()))}
        return self._files.create(f"{self._cell_key}/done.json", json_bytes(done))
