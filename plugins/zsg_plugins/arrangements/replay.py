"""Replay: an order that was made before, from its file."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from zsg_registry import Access, ArrangeContext, Arrangement, InputPath, Order, OrderFile, Parameters, ZsgError


class Replay(Arrangement):
    """The order of a file, such as one that `zsg-harness arrange` wrote or a cell's `order.parquet`.

    The plugin that made the order is not needed. Stages, scores and the step ends that its arrangement set are those
    of the file; the examples are found in the pool by their ids. A smaller budget cuts the order, and the order does
    not grow to a larger one.
    """

    examples = ("replay[file=order.parquet]",)

    repeats = True
    may_underfill = True

    class Params(Parameters):
        """Which order."""

        file: InputPath
        """The order file (Parquet): columns `position` and `example_id`, optionally `stage`, `stage_name`, `score`,
        `step`."""

    params: Params

    @property
    def access(self) -> Access:
        """What the order's maker saw of the query. Nothing is looked at again, but the order knows of it.

        A file that does not say is taken to have seen all.
        """
        told = self._file().document.get("access", Access.ANSWERS)
        if told not in list(Access):
            raise ZsgError(f"{self.params.file}: the access is {told!r}, not one of {', '.join(Access)}")
        return Access(told)

    def arrange(self, context: ArrangeContext) -> Order:
        """The file's order, cut at the budget."""
        try:
            return self._file().over(context.pool.ids).head(context.budget)
        except ZsgError as error:
            raise ZsgError(f"{self.params.file}: {error}") from None

    def _file(self) -> OrderFile:
        path = Path(self.params.file)
        return _read(path, *_stamp(path))


def _stamp(path: Path) -> tuple[Any, ...]:
    """What tells that a file has changed; of none, nothing: the reader says what is wrong with it."""
    return (path.stat().st_size, path.stat().st_mtime_ns) if path.is_file() else ()


@functools.lru_cache(maxsize=4)
def _read(path: Path, *stamp: int) -> OrderFile:
    return OrderFile.read(path)
