"""The data set `flan-mini`: its tasks, and which of them the paper held out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final, TypeGuard
from urllib.request import urlopen

from zsg_plugins.datasets.dialogues import Broken, messages_of, turns_of
from zsg_plugins.datasets.files import Place, Record, data_files, read_json, records, should_exist
from zsg_plugins.datasets.p3 import t0_source
from zsg_plugins.datasets.published import Published
from zsg_plugins.datasets.split import FractionSplit, NamedSplit, NoSplit, SplitParams, Unseen
from zsg_registry import DatasetContext, Example, InputPath, ZsgError, did_you_mean

_FIELDS: Final = ("id", "source", "conversations")
_KEYS: Final = ("train_key_list", "eval_key_list")


class FlanMini(Published):
    """Flan-mini: 1,825 tasks of Flan, P3, NIV2 and chain of thought, a record an instruction and its answer.

    The paper trains on 1,600 of them and holds 225 out: `keys` is its list, from a file or a URL. Without it, tasks
    are drawn. Prompts and answers are stripped of white space around them, as in the paper's code. An example's
    `source` is read off its task's name, as far as that tells ("task061_ropes_answer_generation": ropes).

    Ghosal et al., "Flacuna: Unleashing the Problem Solving Power of Vicuna using FLAN Fine-Tuning" (2023).
    """

    class Params(Published.Params, SplitParams):
        """Where the records are, and which tasks are unseen."""

        revision: str = "597a3be1c8e7bb4d13dc19b5b823d814b3c88d43"
        """The hub's commit."""

        keys: InputPath | None = None
        """A file, or the URL of one, with `train_key_list` and `eval_key_list`; tasks in neither are left out."""

        unseen: Unseen = 0.125
        """Without `keys`: the unseen tasks, a file of them, or the fraction of tasks to draw."""

    license: ClassVar[str | None] = "Creative Commons (the hub names no version)"
    citation: ClassVar[str | None] = (
        "Ghosal et al., Flacuna: Unleashing the Problem Solving Power of Vicuna using FLAN Fine-Tuning, 2023"
    )
    hub: ClassVar[str] = "declare-lab/flan-mini"
    hub_files: ClassVar[tuple[str, ...]] = ("data/*.parquet",)
    official: ClassVar[str] = "flan_mini.json, unpacked"
    params: Params

    def unavailable(self) -> str | None:
        """Tells when the records or the list of keys would have to be downloaded and the network is off."""
        from huggingface_hub import is_offline_mode

        if self._keys_are_remote and is_offline_mode():
            return f"keys = {self.params.keys} is a URL and the network is off: download it, and pass its path"
        return super().unavailable()

    def load(self, context: DatasetContext) -> Iterable[Example]:
        """All examples, in the order of the files.

        Raises:
            ZsgError: A file is missing or damaged, a record is not a whole one, or the split does not fit the data.
        """
        root = self.root()
        examples = list(_examples(records(self.files(root), _FIELDS)))
        return self._split().apply(examples, str(root))

    def files(self, root: Path) -> list[Path]:
        """The data files, without the lists of tasks."""
        params = self.params
        listed = params.unseen if params.keys is None else params.keys
        return data_files(root, without=Path(listed) if isinstance(listed, str) else None)

    def split_spec(self) -> Any:
        """The two lists of tasks (a URL stands for its content), the names, or what is drawn."""
        return {"keys": self.params.keys} if self._keys_are_remote else self._split().spec()

    @property
    def _keys_are_remote(self) -> bool:
        return self.params.keys is not None and "://" in self.params.keys

    def _split(self) -> KeySplit | NamedSplit | FractionSplit | NoSplit:
        params = self.params
        if params.keys is None:
            return params.unseen_split()
        return KeySplit.of(_downloaded(params.keys) if self._keys_are_remote else _read(Path(params.keys)), params.keys)


@dataclass(frozen=True, slots=True)
class KeySplit:
    """The tasks to train on and to hold out, by name. Others are left out.

    Attributes:
        seen: The tasks to train on.
        unseen: The tasks that are held out.
    """

    seen: frozenset[str]
    unseen: frozenset[str]

    @classmethod
    def of(cls, value: Any, where: str) -> KeySplit:
        """The split that a list of keys says.

        Raises:
            ZsgError: It is not such a list, or has a task on both sides.
        """
        lists = [value.get(name) if isinstance(value, dict) else None for name in _KEYS]
        seen, unseen = (frozenset(names) if _are_names(names) else None for names in lists)
        if seen is None or unseen is None:
            raise ZsgError(f"{where} is not an object with the lists of task names {' and '.join(map(repr, _KEYS))}")
        if seen & unseen:
            raise ZsgError(f"{where} has the task {min(seen & unseen)!r} in both lists")
        return cls(seen, unseen)

    def spec(self) -> dict[str, Any]:
        """What stands for this split in a fingerprint."""
        return {"seen": sorted(self.seen), "unseen": sorted(self.unseen)}

    def apply(self, examples: Sequence[Example], where: str) -> Iterator[Example]:
        """The examples of listed tasks, each with its side.

        Raises:
            ZsgError: A listed task is not in the data.
        """
        tasks = {example.task or "" for example in examples}
        missing = min((self.seen | self.unseen) - tasks, default=None)
        if missing is not None:
            raise ZsgError(f"the list of keys names {missing!r}, which is not in {where}{did_you_mean(missing, tasks)}")
        for example in examples:
            if example.task in self.unseen:
                yield replace(example, side="unseen")
            elif example.task in self.seen:
                yield example


def _are_names(value: Any) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _read(file: Path) -> Any:
    should_exist(file)
    return read_json(file)


def _downloaded(url: str) -> Any:
    import json

    try:
        with urlopen(url, timeout=30) as answer:
            return json.load(answer)
    except (OSError, ValueError) as error:
        raise ZsgError(f"keys = {url} cannot be read: {error}") from None


def _examples(found: Iterable[Record]) -> Iterator[Example]:
    numbers: dict[str, int] = {}
    for place, row in found:
        task = row.get("source") if isinstance(row, Mapping) else None
        if not isinstance(task, str) or not task:
            raise ZsgError(f"{place}: no 'source', which is the task of a record of Flan-mini")
        number = numbers[task] = numbers.get(task, -1) + 1
        yield _example(place, row, task, f"{task}/{number}")


def _example(place: Place, row: Mapping[str, Any], task: str, name: str) -> Example:
    turns = turns_of(place, row)
    try:
        messages = [message._replace(content=message.content.strip()) for message in messages_of(turns)]
    except Broken as broken:
        raise ZsgError(f"{place}: {broken}") from None
    source = source_of(task)
    if len(messages) == 2:
        return Example(name, task, source, prompt=messages[0].content, completion=messages[1].content)
    return Example(name, task, source, messages=tuple(messages))


def source_of(task: str) -> str | None:
    """The data set that a task was made from, as far as its name tells; in small letters without marks between them.

    NIV2's tasks have it after their number, TFDS's before their version, chains of thought after "cot_", and P3's in
    front; where that is none of T0's, its first two words stand for it.
    """
    patterns = (r"task\d+_([^_]+)", r"([^:/]+)(?:/[^:]*)?:\d", r"(?:cot|stream)_([^_]+)")
    found = next(filter(None, (re.match(pattern, task) for pattern in patterns)), None)
    words = task.split("_")
    name = found[1] if found else t0_source(task) or ("_".join(words[:2]) if len(words) > 2 else None)
    return None if name is None else re.sub(r"[_-]", "", name).lower()
