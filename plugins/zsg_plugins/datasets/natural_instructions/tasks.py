"""A checkout of natural-instructions: which tasks a track has, and what a task's file tells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from zsg_plugins.datasets.files import read_json, readable
from zsg_plugins.datasets.natural_instructions.encoding import Demonstration
from zsg_registry import Side, ZsgError, did_you_mean

Track = Literal["default", "xlingual"]
_LISTS: Final[dict[Side, str]] = {"seen": "train_tasks.txt", "unseen": "test_tasks.txt"}


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance of a task.

    Attributes:
        input: What is given.
        outputs: The acceptable answers.
    """

    input: str
    outputs: tuple[str, ...]


class Task:
    """A task's file.

    Args:
        file: The file.
    """

    def __init__(self, file: Path) -> None:
        content = read_json(file)
        if not isinstance(content, dict):
            raise ZsgError(f"{file} is not a task of natural-instructions: it is not a JSON object")
        self.name = file.stem
        self._file = file
        self._content: Mapping[str, Any] = content

    @property
    def definition(self) -> str:
        """The definition; of several, the first."""
        texts = _texts(self._field("Definition"))
        if not texts:
            raise ZsgError(f"{self._file}: 'Definition' is neither a text nor a list of texts")
        return texts[0]

    @property
    def source(self) -> str | None:
        """The data set it was made from; of several, the first."""
        sources = self._content.get("Source")
        return str(sources[0]) if isinstance(sources, list) and sources else None

    def demonstrations(self, kind: Literal["Positive", "Negative"], count: int) -> tuple[Demonstration, ...]:
        """The first examples of a kind: as many as asked for, or as there are.

        Raises:
            ZsgError: One of them is not whole.
        """
        field = f"{kind} Examples"
        found = self._content.get(field, [])[:count]
        return tuple(self._demonstration(field, number, item) for number, item in enumerate(found, start=1))

    def instances(self, count: int | None) -> Iterator[Instance]:
        """The first `count` instances (None: all).

        Raises:
            ZsgError: One of them is not whole.
        """
        for number, item in enumerate(self._field("Instances")[:count], start=1):
            item = item if isinstance(item, dict) else {}
            text, outputs = item.get("input"), _texts(item.get("output"))
            if not isinstance(text, str) or outputs is None:
                raise ZsgError(f"{self._file}, instance {number}: needs a text 'input' and texts 'output'")
            yield Instance(text, outputs)

    def _demonstration(self, field: str, number: int, item: Any) -> Demonstration:
        item = item if isinstance(item, dict) else {}
        given, answer, explanation = (item.get(name) for name in ("input", "output", "explanation"))
        if not isinstance(given, str) or not isinstance(answer, str):
            raise ZsgError(f"{self._file}, {field} {number}: needs the texts 'input' and 'output'")
        return Demonstration(given, answer, explanation if isinstance(explanation, str) else None)

    def _field(self, name: str) -> Any:
        if name not in self._content:
            raise ZsgError(f"{self._file} has no {name!r} (its fields: {', '.join(self._content)})")
        return self._content[name]


def _texts(value: Any) -> tuple[str, ...] | None:
    """A text or a list of texts as texts, or None if it is neither."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        return None
    return tuple(texts)


def task_files(root: Path, track: Track) -> dict[Side, list[Path]]:
    """The task files of each side of a track, in the order of its lists.

    Raises:
        ZsgError: The lists or a file are not there.
    """
    return {side: [_task_file(root, name, file) for name in _names(file)] for side, file in _lists(root, track).items()}


def list_files(root: Path, track: Track) -> list[Path]:
    """The files that list a track's tasks.

    Raises:
        ZsgError: They are not there.
    """
    return list(_lists(root, track).values())


def _lists(root: Path, track: Track) -> dict[Side, Path]:
    lists = {side: root / "splits" / track / name for side, name in _LISTS.items()}
    for file in lists.values():
        if not file.is_file():
            raise ZsgError(
                f"{root} is not a checkout of natural-instructions: it has no {file.relative_to(root).as_posix()} "
                f"(path should be the folder that holds tasks/ and splits/)"
            )
    return lists


def _names(file: Path) -> list[str]:
    with readable(file):
        lines = file.read_text(encoding="utf-8").splitlines()
    return [line.strip() for line in lines if line.strip()]


def _task_file(root: Path, name: str, listed: Path) -> Path:
    file = root / "tasks" / f"{name}.json"
    if not file.is_file():
        there = [other.stem for other in (root / "tasks").glob("*.json")]
        raise ZsgError(f"{listed} names {name!r}, but there is no {file}{did_you_mean(name, there, limit=1)}")
    return file
