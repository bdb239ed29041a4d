"""The data set `jsonl`: examples from local files, with unseen tasks by list, file or fraction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zsg_plugins.datasets.files import LocalPath, data_files, digest, records
from zsg_plugins.datasets.rows import examples_of
from zsg_plugins.datasets.split import SplitParams
from zsg_registry import Dataset, DatasetContext, Example, ZsgError


class Jsonl(Dataset):
    """Examples from local files: .jsonl, .jsonl.gz, .json (a list), .parquet, or a folder of them.

    Each row has `prompt` and `completion`, or `messages` that end with an assistant's turn. Optional: `task`,
    `source`, `id` (by default the task and a number), `instruction`, `references`, `choices`, `meta`. Other fields are
    ignored.
    """

    examples = (
        'jsonl[path=data.jsonl,unseen=["task-3"]]',
        "jsonl[path=folder,unseen=0.2]",
    )

    class Params(SplitParams):
        """Where the examples are, and which of them are unseen."""

        path: LocalPath
        """The file, or a folder whose data files are read in the order of their names."""

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
        return self.params.unseen_split().apply(examples, str(path))

    def fingerprint(self) -> str:
        """A hash of the files' bytes in order, and of the split. Neither the names nor the places of files matter."""
        contents = [digest(file) for file in self._files()]
        spec: dict[str, Any] = {"files": contents, "split": self.params.unseen_split().spec()}
        if not self.params.answers:
            spec["answers"] = False
        return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()

    def identity_params(self) -> dict[str, Any]:
        """None: the fingerprint says it all, so a list of unseen tasks and a file of the same are one data set."""
        return {}

    def _files(self) -> list[Path]:
        unseen = self.params.unseen
        return data_files(Path(self.params.path), without=Path(unseen) if isinstance(unseen, str) else None)
