"""The data set `hf`: what it can be told, and how its parts meet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

from zsg_plugins.datasets.dialogues import LeftOut
from zsg_plugins.datasets.files import Place, Record, digest
from zsg_plugins.datasets.hf.library import matching, read
from zsg_plugins.datasets.hf.shapes import Row, ShapeName, check_named, dialogue, shape_of
from zsg_plugins.datasets.hub import Snapshot
from zsg_plugins.datasets.rows import examples_of
from zsg_plugins.datasets.split import SplitParams
from zsg_registry import Dataset, DatasetContext, Example, HubIdOrPath, ZsgError

if TYPE_CHECKING:
    import datasets

_NAMED: Final = ("id", "task", "source", "prompt", "completion", "messages", "instruction", "references", "choices")
_LISTS: Final = ("references", "choices")
_TOLD_BY_FINGERPRINT: Final = ("path", "revision", "unseen", "split_seed", "split_by")


class HuggingFace(Dataset):
    """Any data that the library `datasets` reads: an id of the Hugging Face hub, a folder like one there, or a file.

    Columns of a usual shape are recognised: `tulu` (messages, and dataset or source), `messages`, `sharegpt`
    (conversations), `alpaca` (instruction, input, output), `dolly` (instruction, context, response; category is the
    task), `pairs` (prompt, completion). Others are named: `hf[path=org/name, prompt=question, completion=answer]`; a
    named column goes before what the shape says.

    A hub id is fetched at a commit, as files, into the hub's cache; limit them with `files` where a repository has
    more than you need.

    Lhoest et al., "Datasets: A Community Library for Natural Language Processing" (2021).
    """

    examples = ("hf[path=tatsu-lab/alpaca]",)

    class Params(SplitParams):
        """Where the data is, what its columns are, and which of it is unseen."""

        path: HubIdOrPath
        """A file or folder, or else an id of the hub."""

        revision: str = "main"
        """Of a hub id: a commit; a tag or branch is resolved to one."""

        config: str | None = None
        """Which configuration, where there are several."""

        split: str = "train"
        """Which of the published splits is read. What is unseen, `unseen` says."""

        files: list[str] | None = None
        """Patterns of the files of a folder or repository that are read, such as "data/*.parquet"."""

        shape: ShapeName | None = None
        """What the columns are; by default it is recognised."""

        prompt: str | None = None
        """The column of the prompt."""

        completion: str | None = None
        """The column of the answer."""

        messages: str | None = None
        """The column of the dialogue, in place of prompt and answer."""

        task: str | None = None
        """The column of the task's name."""

        source: str | None = None
        """The column of the data set that an example was made from."""

        id: str | None = None
        """The column of the example's id; by default the task and a number."""

        instruction: str | None = None
        """The column of the task's instruction."""

        references: str | None = None
        """The column of the acceptable answers."""

        choices: str | None = None
        """The column of the options of a multiple-choice example."""

    license: ClassVar[str | None] = "what the data's own page says"
    citation: ClassVar[str | None] = "what the data's own page says"
    params: Params

    def unavailable(self) -> str | None:
        """Tells when the data would have to be downloaded and the network is off."""
        return None if self._is_local else self._snapshot().missing("pass the path of a file or folder")

    def load(self, context: DatasetContext) -> Iterable[Example]:
        """All examples, in the order of the table.

        Raises:
            ZsgError: The data is missing or damaged, has other columns, or the split leaves a side empty.
        """
        params = self.params
        path = Path(params.path) if self._is_local else self._snapshot().folder()
        table = read(path, params.config, params.split, params.files, context.cache_dir / "datasets")
        examples = list(examples_of(self._records(table)))
        if not examples:
            raise ZsgError(f"{params.path} is empty: it holds no examples")
        return self.params.unseen_split().apply(examples, params.path)

    def fingerprint(self) -> str:
        """A hash of the files' names and bytes, or the hub's commit; and of the split."""
        spec: dict[str, Any] = {"split": self.params.unseen_split().spec()}
        path = Path(self.params.path)
        if not self._is_local:
            spec["hub"] = self._snapshot().name()
        elif path.is_dir():
            found = matching(path, self.params.files)
            spec["files"] = [(file.relative_to(path).as_posix(), digest(file)) for file in found]
        else:
            spec["files"] = digest(path)
        return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()

    def published_as(self) -> str | None:
        """The hub's commit, where the data comes from the hub."""
        return None if self._is_local else self._snapshot().name()

    def identity_params(self) -> dict[str, Any]:
        """What is made of the data. Which data it is, and its split, the fingerprint says."""
        return {name: value for name, value in super().identity_params().items() if name not in _TOLD_BY_FINGERPRINT}

    @property
    def _is_local(self) -> bool:
        return Path(self.params.path).is_absolute()

    def _snapshot(self) -> Snapshot:
        files = self.params.files
        # A repository's card says which of its files are which split.
        return Snapshot(self.params.path, self.params.revision, () if files is None else ("README.md", *files))

    def _records(self, table: datasets.Dataset) -> Iterator[Record]:
        fields, left_out = self._fields(table), LeftOut()
        for number, row in enumerate(table, start=1):
            place = Place(Path(self.params.path), "row", number)
            with left_out.unless_whole(place):
                yield place, fields(row)
        left_out.tell()

    def _fields(self, table: datasets.Dataset) -> Callable[[Row], dict[str, Any]]:
        """From a row to an example's fields: what the shape says, and over it what parameters name."""
        columns, where = table.column_names, self.params.path
        named = {name: column for name in _NAMED if (column := getattr(self.params, name)) is not None}
        check_named(named, columns, where)
        is_whole = "messages" in named or {"prompt", "completion"} <= set(named)
        shape = None if is_whole and self.params.shape is None else shape_of(self.params.shape, columns, where)
        labels = {column: feature for column, feature in table.features.items() if hasattr(feature, "int2str")}

        def fields(row: Row) -> dict[str, Any]:
            texts = {column: _label(labels[column], row[column]) if column in labels else row[column] for column in row}
            found = {} if shape is None else shape.fields(texts)
            return found | {name: _value(name, texts[column]) for name, column in named.items()}

        return fields


def _label(feature: Any, value: int | None) -> str | None:
    """The name of a class; a row without one has −1 or nothing."""
    return None if value is None or value < 0 else feature.int2str(value)


def _value(name: str, value: Any) -> Any:
    """A column's value as the field has it: a single reference is a list, and numbers are written out."""
    if value is None:
        return None
    if name == "messages":
        return dialogue(value)
    if name in _LISTS:
        return [_text(item) for item in (value if isinstance(value, list) else [value])]
    return _text(value)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) else value
