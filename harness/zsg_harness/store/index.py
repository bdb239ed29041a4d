"""A compacted index of finished cells: what reports read of many, in a few files.

A shard is a Parquet file with a row for each of some cells; it is named by its content's hash and never changed. None
of it is taken on trust. A shard that is not what its name says is passed over. A row counts only while all files of
its cell are as they were before the cell was read (see `FileState`), so that a metric that was added, a cell that was
run again and a file that was damaged are seen, whoever did it. Without an index, reports are the same and slower.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from zsg_harness.store.files import Files, FileState
from zsg_harness.store.formats import parquet_bytes
from zsg_harness.store.tables import SCORES

FOLDER: Final = "index"

ROWS: Final = pa.schema(
    [
        ("cell_id", pa.string()),
        ("state", pa.string()),
        ("attempt", pa.string()),
        ("cell", pa.string()),
        ("status", pa.string()),
        ("metrics", pa.string()),
        ("scores", pa.list_(pa.struct([("scope", pa.string()), *SCORES]))),
    ]
)
"""A row of a shard: a cell's files (see `cell_state`), the attempt that counts, what its JSON files say, its scores."""

_NAME: Final = re.compile(r"[0-9a-f]{64}\.parquet")
_FULL: Final = 1000
"""Cells of a shard. One with less than half of that is joined with what comes next."""

_GROUP: Final = 100
"""Cells that are read together: whoever wants a few reads no more."""

_ENOUGH: Final = 100
"""Fewer cells than this are read one by one, again and again, before they are worth a shard."""


def cell_state(files: Mapping[str, FileState]) -> str:
    """One text for what a listing tells of a cell's files."""
    return hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest()


class Index:
    """The shards of a store."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def read(self, states: Mapping[str, str]) -> pa.Table:
        """The rows of those of some cells that are in the index.

        Args:
            states: The cells, each with its `cell_state` now.
        """
        found = [ROWS.empty_table()]
        left = dict(states)
        for shard in self._shards.values():
            rows = [row for row, (cell_id, state) in enumerate(shard.cells) if left.get(cell_id) == state]
            if rows:
                found.append(shard.take(rows))
                for row in rows:
                    left.pop(shard.cells[row][0], None)
        return pa.concat_tables(found)

    def add(self, rows: pa.Table) -> None:
        """Write rows of cells that had to be read one by one, if they are many enough, with those of small shards.

        Raises:
            OSError: The store cannot be written.
        """
        if len(rows) < _ENOUGH:
            return
        for key in self._damaged:  # first, for what is written may have its name
            self._files.remove(key)
        replaced = set(rows["cell_id"].to_pylist())
        tables, joined = [rows], set()
        for key, shard in self._shards.items():
            kept = [row for row, (cell_id, _) in enumerate(shard.cells) if cell_id not in replaced]
            if len(kept) < _FULL // 2:
                tables.append(shard.take(kept))
                joined.add(key)
        table = pa.concat_tables(tables)
        written = {self._write(table.slice(start, _FULL)) for start in range(0, len(table), _FULL)}
        for key in joined - written:
            self._files.remove(key)

    def useless(self, states: Mapping[str, str]) -> list[str]:
        """The keys of the shards that tell of none of all cells."""
        current = states.items()
        return self._damaged + [key for key, shard in self._shards.items() if not current & set(shard.cells)]

    @cached_property
    def _read_shards(self) -> dict[str, _Shard | None]:
        names = [name for name in self._files.names(FOLDER) if _NAME.fullmatch(name)]
        return {f"{FOLDER}/{name}": self._read_shard(name) for name in names}

    @property
    def _shards(self) -> dict[str, _Shard]:
        return {key: shard for key, shard in self._read_shards.items() if shard is not None}

    @property
    def _damaged(self) -> list[str]:
        return [key for key, shard in self._read_shards.items() if shard is None]

    def _read_shard(self, name: str) -> _Shard | None:
        """A shard, if it can be read, and is what its name says and in this version's form."""
        try:
            data = self._files.read(f"{FOLDER}/{name}")
            if hashlib.sha256(data).hexdigest() != name.partition(".")[0]:
                return None
            file = pq.ParquetFile(pa.BufferReader(data))
            if file.schema_arrow != ROWS:
                return None
            listed = file.read(columns=["cell_id", "state"])
        except (OSError, pa.ArrowException):
            return None
        return _Shard(file, list(zip(*(column.to_pylist() for column in listed.columns), strict=True)))

    def _write(self, table: pa.Table) -> str:
        data = parquet_bytes(table, _GROUP)
        key = f"{FOLDER}/{hashlib.sha256(data).hexdigest()}.parquet"
        self._files.create(key, data)
        return key


@dataclass(frozen=True, slots=True)
class _Shard:
    """A file of rows.

    Attributes:
        cells: The cell and the state of each row.
    """

    file: pq.ParquetFile
    cells: Sequence[tuple[str, str]]

    def take(self, rows: Collection[int]) -> pa.Table:
        """Some rows, given in ascending order."""
        groups = sorted({row // _GROUP for row in rows})
        begins = {group: place * _GROUP for place, group in enumerate(groups)}
        table = self.file.read_row_groups(groups)
        places = [begins[row // _GROUP] + row % _GROUP for row in rows]
        return table if len(places) == len(table) else table.take(pa.array(places, pa.int64()))
