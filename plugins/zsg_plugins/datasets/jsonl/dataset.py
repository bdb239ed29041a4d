"""The data set `jsonl`: what it can be told, and how its parts meet."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator

from zsg_plugins.datasets.jsonl.files import data_files, readable, records
from zsg_plugins.datasets.jsonl.rows import examples_of
from zsg_plugins.datasets.jsonl.split import FractionSplit, NamedSplit, NoSplit, read_names
from zsg_registry import Dataset, DatasetContext, Example, InputPath, Parameters, ZsgError


def _check_unseen(value: Any) -> Any:
    is_names = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    is_fraction = isinstance(value, float) and 0 < value < 1
    if not (is_names or is_fraction or value is None or isinstance(value, str)):
        raise ValueError(
            f"should be a list of task names, a file of them, or a fraction between 0 and 1, got {value!r}"
        )
    return value


def _check_local(path: str) -> str:
    if "://" in path:
        raise ValueError(f"should be a local file or folder, got {path!r}")
    return path


class Jsonl(Dataset):
    """Examples from local files: .jsonl, .jsonl.gz, .json (a list), .parquet, or a folder of them.

    Each row has `prompt` and `completion`, or `messages` that end with an assistant's turn. Optional: `task`,
    `source`, `id` (by default the task and a number), `instruction`, `references`, `choices`, `meta`. Other fields are
    ignored.
    """

    class Params(Parameters):
        """Where the examples are, and which of them are unseen."""

        path: Annotated[InputPath, AfterValidator(_check_local)]
        """The file, or a folder whose data files are read in the order of their names."""

        unseen: Annotated[InputPath | float | list[str] | None, BeforeValidator(_check_unseen)] = 0.2
        """The unseen tasks: a list of names; a file of them (a JSON list, a JSON object with `unseen_tasks`, or a name
        a line); or the fraction of tasks to draw (of examples, where the data has no tasks). null: there are none, as
        for data that shall only be put in order.
        """

        split_seed: int = 0
        """Draws the fraction. It is not the seed of a cell: the split is the same for all of them."""

        split_by: Literal["task", "source"] = "task"
        """What a fraction is drawn of. By source, all tasks made from one data set stay on one side."""

        answers: bool = True
        """Whether the answers are read. If not, a row needs none, and every answer is empty: a query that is only known
        by its prompts."""

    params: Params

    def load(self, context: DatasetContext) -> Iterable[Example]:
        """All examples, in the order of the files.

        Raises:
            ZsgError: A file is missing or damaged, a row is not an example, or the split leaves a side empty.
        """
        path = Path(self.params.path)
        examples = list(examples_of(records(self._files()), answers=self.params.answers))
        if not examples:
            raise ZsgError(f"{path} is empty: it holds no examples")
        return self._split().apply(examples, str(path))

    def fingerprint(self) -> str:
        """A hash of the files' bytes in order, and of the split. Neither the names nor the places of files matter."""
        contents = [_digest(file, file.stat().st_size, file.stat().st_mtime_ns) for file in self._files()]
        spec: dict[str, Any] = {"files": contents, "split": self._split().spec()}
        if not self.params.answers:
            spec["answers"] = False
        return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()

    def identity_params(self) -> dict[str, Any]:
        """None: the fingerprint says it all, so a list of unseen tasks and a file of the same are one data set."""
        return {}

    def _files(self) -> list[Path]:
        unseen = self.params.unseen
        return data_files(Path(self.params.path), without=Path(unseen) if isinstance(unseen, str) else None)

    def _split(self) -> NamedSplit | FractionSplit | NoSplit:
        unseen = self.params.unseen
        if unseen is None:
            return NoSplit()
        if isinstance(unseen, float):
            return FractionSplit(unseen, self.params.split_seed, self.params.split_by)
        return NamedSplit(read_names(Path(unseen)) if isinstance(unseen, str) else tuple(unseen))


@functools.lru_cache(maxsize=4096)
def _digest(file: Path, size: int, modified: int) -> str:
    """The sha256 of a file's content; size and time are there to notice that it changed."""
    with readable(file), file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
