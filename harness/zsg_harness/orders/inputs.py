"""Pool and query: from files and data sets by reference, or from rows in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import numpy as np

from zsg_harness.matrix.expand import Expander
from zsg_harness.services.surroundings import DownloadFolder
from zsg_registry import (
    Dataset,
    Example,
    ExampleSet,
    Pipeline,
    Reference,
    Registry,
    RowFault,
    RowReader,
    ZsgError,
    parse_pipeline,
)

_FILES: Final = "jsonl"
"""The data set that reads files."""


class Data(NamedTuple):
    """What a name on the command line stands for.

    Attributes:
        seen: What may be trained on; all of a file.
        unseen: The other side of a data set; None for a file, which has no sides.
    """

    seen: ExampleSet
    unseen: ExampleSet | None


class Sources:
    """Reads what is named on the command line: a file or folder, or a data set by reference."""

    def __init__(self, registry: Registry, cache: Path) -> None:
        self._registry = registry
        self._cache = cache

    def read(self, name: str, *, answers: bool = True) -> Data:
        """Read a file or a data set.

        Args:
            name: What is there as a file or folder is that; else it is a reference.
            answers: Whether the answers of a file are read; if not, its rows need none.

        Raises:
            ZsgError: There is no such file or data set, or its content is not what it should be.
        """
        is_file = self._is_file(name)
        params: dict[str, Any] = {"path": name, "unseen": None} | ({} if answers else {"answers": False})
        pipeline = Pipeline(Reference(_FILES, params)) if is_file else parse_pipeline(name)
        choice = Expander(self._registry, Path.cwd()).choice("dataset", pipeline)
        reason = choice.unavailable()
        if reason is not None:
            raise ZsgError(f"{choice.label!r} is not available: {reason}")
        examples = ExampleSet.from_examples(cast("Dataset", choice.components[0]).load(self._downloads()))
        if is_file:
            return Data(examples, None)
        sides = examples["side"]
        seen, unseen = (examples.take(np.flatnonzero(sides == side)) for side in ("seen", "unseen"))
        return Data(seen, unseen)

    def _is_file(self, name: str) -> bool:
        """What looks like a path is one, so that a missing file is not called an unknown data set."""
        if Path(name).exists():
            return True
        looks_like_a_path = "[" not in name and ("/" in name or "." in name)
        return looks_like_a_path and name not in self._registry.names("dataset")

    def _downloads(self) -> DownloadFolder:
        from huggingface_hub import is_offline_mode

        return DownloadFolder(self._cache / "downloads", is_offline_mode())


def query_of(data: Data) -> ExampleSet:
    """What a query's name stands for: all of a file, the unseen side of a data set."""
    return data.seen if data.unseen is None else data.unseen


def example_set(rows: ExampleSet | Iterable[Mapping[str, Any]], name: str, *, answers: bool = True) -> ExampleSet:
    """Examples from memory: a set as it is, or rows such as a list of dicts or a `datasets.Dataset`.

    A row has `prompt` and `completion`, or `messages`; optionally `id` (by default its number, with its task if it has
    one), `task`, `source` and the other fields of an example.

    Args:
        rows: The data.
        name: What to call it in an error.
        answers: Whether answers are read; if not, rows need none.

    Raises:
        ZsgError: A row is not a whole example, or two have one id.
    """
    if isinstance(rows, ExampleSet):
        return rows
    if isinstance(rows, str | bytes | Mapping) or not isinstance(rows, Iterable):
        raise ZsgError(f"the {name} is a {type(rows).__name__}, not a sequence of rows (dicts)")
    try:
        return ExampleSet.from_examples(_examples(rows, name, answers))
    except ZsgError as error:
        raise ZsgError(f"{name}: {error}") from None


def _examples(rows: Iterable[Any], name: str, answers: bool) -> Iterator[Example]:
    reader = RowReader(answers=answers)
    for number, row in enumerate(rows):
        try:
            yield reader.example(row)
        except RowFault as fault:
            raise ZsgError(f"row {number}: {fault}") from None
