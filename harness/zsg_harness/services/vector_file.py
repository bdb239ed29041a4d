"""A matrix of vectors on disk that grows block by block, survives its writer, and appears when it is whole."""

from __future__ import annotations

import io
import json
import os
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
from numpy.typing import NDArray

from zsg_harness.store.atomic import write_text
from zsg_registry import EncodedBlock


@dataclass(frozen=True, slots=True)
class Tally:
    """What is told of a matrix in the JSON file beside it.

    Attributes:
        rows: Vectors written.
        dimensions: Of each; 0 before the first.
        truncated: How many texts were cut by the encoder; None if it does not tell.
        seconds: What computing them took.
    """

    rows: int = 0
    dimensions: int = 0
    truncated: int | None = 0
    seconds: float = 0.0

    def plus(self, block: EncodedBlock, seconds: float) -> Tally:
        """The tally after another block."""
        known = self.truncated is not None and block.truncated is not None
        return Tally(
            rows=self.rows + len(block.vectors),
            dimensions=block.vectors.shape[1],
            truncated=(self.truncated or 0) + (block.truncated or 0) if known else None,
            seconds=self.seconds + seconds,
        )


class VectorFile:
    """The matrix at `path` (.npy) while it is written, by one process at a time.

    Rows are appended to a .part file, and counted in the .json file once they are on the disk. So a process that is
    killed leaves whole blocks, and the next one goes on behind them. `publish` renames the .part file to `path`.

    Attributes:
        tally: What is written so far.
    """

    def __init__(self, path: Path, rows: int) -> None:
        self._path = path
        self._part = path.with_suffix(".part")
        self._rows = rows
        self.tally = self._left_over()

    def __enter__(self) -> VectorFile:
        self._file: IO[bytes] = self._part.open("r+b" if self.tally.rows else "wb")
        if self.tally.rows:
            self._file.seek(self._end(self.tally))
            self._file.truncate()
        self._mark = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def append(self, block: EncodedBlock) -> None:
        """Write a block's vectors, float32 `[b, d]`, behind the others."""
        if not self.tally.rows:
            self._file.write(_header(self._rows, block.vectors.shape[1]))
        self._file.write(np.ascontiguousarray(block.vectors, dtype="<f4").data)
        self._to_disk()
        now = time.monotonic()
        self._count(self.tally.plus(block, now - self._mark))
        self._mark = now

    def publish(self) -> None:
        """Let the matrix appear at its path, now that every row is written."""
        if not self._rows:
            self._file.write(_header(0, 1))
            self._to_disk()
            self._count(replace(self.tally, dimensions=1))
        self._part.replace(self._path)

    def _to_disk(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())

    def _count(self, tally: Tally) -> None:
        write_text(_beside(self._path), json.dumps(asdict(tally)) + "\n")
        self.tally = tally

    def _left_over(self) -> Tally:
        """What an earlier process counted, where its rows are really there."""
        tally = read_tally(self._path)
        if tally is None or tally.rows > self._rows or not self._part.is_file():
            return Tally()
        return tally if self._part.stat().st_size >= self._end(tally) else Tally()

    def _end(self, tally: Tally) -> int:
        return len(_header(self._rows, tally.dimensions)) + tally.rows * tally.dimensions * 4


def read_tally(path: Path) -> Tally | None:
    """What is told of the matrix at `path`; None where nothing is, or nothing that can be read."""
    try:
        return Tally(**json.loads(_beside(path).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def read_vectors(path: Path) -> NDArray[np.float32]:
    """The matrix at `path`, memory-mapped and read-only."""
    vectors: NDArray[np.float32] = np.load(path, mmap_mode="r", allow_pickle=False)
    return vectors


def _beside(path: Path) -> Path:
    return path.with_suffix(".json")


def _header(rows: int, dimensions: int) -> bytes:
    """How a .npy file of this shape begins."""
    buffer = io.BytesIO()
    described = {"descr": "<f4", "fortran_order": False, "shape": (rows, dimensions)}
    np.lib.format.write_array_header_1_0(buffer, described)
    return buffer.getvalue()
