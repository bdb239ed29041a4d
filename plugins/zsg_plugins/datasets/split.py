"""The split: which examples are unseen. It never depends on the seed of a cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from zsg_plugins.datasets.files import should_exist
from zsg_registry import Example, InputPath, Parameters, ZsgError, did_you_mean, generator

By = Literal["task", "source"]


def _check_unseen(value: Any) -> Any:
    is_names = isinstance(value, list | tuple) and all(isinstance(name, str) for name in value)
    is_fraction = isinstance(value, float) and 0 < value < 1
    if not (is_names or is_fraction or value is None or isinstance(value, str)):
        raise ValueError(
            f"should be a list of task names, a file of them, or a fraction between 0 and 1, got {value!r}"
        )
    return value


Unseen = Annotated[InputPath | float | list[str] | None, BeforeValidator(_check_unseen)]
"""A parameter that says which tasks are unseen: their names, a file of these, a fraction to draw, or none."""


class SplitParams(Parameters):
    """Which tasks are unseen."""

    unseen: Unseen = 0.2
    """The unseen tasks: a list of names; a file of them (a JSON list, a JSON object with `unseen_tasks`, or a name
    a line); or the fraction of tasks to draw (of examples, where the data has no tasks). null: there are none, as
    for data that shall only be put in order.
    """

    split_seed: int = 0
    """Draws the fraction. It is not the seed of a cell: the split is the same for all of them."""

    split_by: By = "task"
    """What a fraction is drawn of. By source, all tasks made from one data set stay on one side."""

    def unseen_split(self) -> NamedSplit | FractionSplit | NoSplit:
        """The split that is asked for.

        Raises:
            ZsgError: `unseen` is a file, and cannot be read.
        """
        if self.unseen is None:
            return NoSplit()
        if isinstance(self.unseen, float):
            return FractionSplit(self.unseen, self.split_seed, self.split_by)
        names = self.unseen
        return NamedSplit(read_names(Path(names)) if isinstance(names, str) else tuple(names))


def read_names(file: Path) -> tuple[str, ...]:
    """The unseen tasks that a file names: a JSON list, a JSON object with `unseen_tasks`, or a name a line.

    Raises:
        ZsgError: There is no such file, or it holds no names.
    """
    if not file.exists() and not file.suffix:
        raise ZsgError(f"no such file of unseen tasks: {file} (a single task is written as a list: [{file.name!r}])")
    should_exist(file)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ZsgError(f"{file} cannot be read as a list of unseen tasks: {error}") from None
    if file.suffix.lower() != ".json" and not text.lstrip().startswith(("[", "{")):
        return tuple(line.strip() for line in text.splitlines() if line.strip())
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ZsgError(f"{file} is not JSON: {error}") from None
    names = value.get("unseen_tasks") if isinstance(value, dict) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ZsgError(f"{file} is neither a JSON list of task names nor an object whose 'unseen_tasks' is one")
    return tuple(names)


class NoSplit:
    """Every example is seen."""

    def spec(self) -> None:
        """What stands for this split in a fingerprint."""

    def apply(self, examples: Sequence[Example], where: str) -> Iterator[Example]:
        """The examples as they are."""
        return iter(examples)


@dataclass(frozen=True, slots=True)
class NamedSplit:
    """The unseen tasks by name.

    Attributes:
        names: The tasks.
    """

    names: tuple[str, ...]

    def spec(self) -> dict[str, Any]:
        """What stands for this split in a fingerprint."""
        return {"unseen": sorted(set(self.names))}

    def apply(self, examples: Sequence[Example], where: str) -> Iterator[Example]:
        """The examples, each with its side.

        Raises:
            ZsgError: A task is not in the data, or a side is left empty.
        """
        tasks = {example.task for example in examples if example.task is not None}
        for name in self.names:
            if name not in tasks:
                raise ZsgError(f"the unseen task {name!r} is not in {where}{did_you_mean(name, tasks)}")
        chosen = frozenset(self.names)
        return _sides(examples, [example.task in chosen for example in examples], where)


@dataclass(frozen=True, slots=True)
class FractionSplit:
    """A share of the tasks, or of the sources, drawn at random; without tasks, a share of the examples.

    Attributes:
        fraction: The share, between 0 and 1.
        seed: Draws it.
        by: What is drawn. An example that has none stays seen.
    """

    fraction: float
    seed: int
    by: By

    def spec(self) -> dict[str, Any]:
        """What stands for this split in a fingerprint."""
        return {"fraction": self.fraction, "seed": self.seed, "by": self.by}

    def apply(self, examples: Sequence[Example], where: str) -> Iterator[Example]:
        """The examples, each with its side.

        Raises:
            ZsgError: There are too few groups to draw from, or a task has several sources and these are split.
        """
        groups = [getattr(example, self.by) for example in examples]
        names = sorted({group for group in groups if group is not None})
        if not names and self.by == "source":
            raise ZsgError(f"{where}: split_by = 'source', but no example has a source")
        if not names:
            return _sides(examples, self._draw_of(len(examples), "example", where), where)
        drawn = self._draw_of(len(names), self.by, where)
        unseen = {name for name, is_drawn in zip(names, drawn, strict=True) if is_drawn}
        if self.by == "source":
            _check_tasks_whole(examples, unseen, where)
        return _sides(examples, [group in unseen for group in groups], where)

    def _draw_of(self, n: int, what: str, where: str) -> list[bool]:
        """Of `n` things (at least two), which are drawn: the nearest number to the fraction that leaves both sides."""
        if n < 2:
            raise ZsgError(f"{where} has a single {what}: a fraction of it cannot be unseen while the rest is seen")
        count = min(max(round(self.fraction * n), 1), n - 1)
        # "jsonl", for every data set: the draws of that one, which had the first split, stay what they were.
        drawn = set(generator("fixed", self.seed, "jsonl", "split", what).permutation(n)[:count].tolist())
        return [position in drawn for position in range(n)]


def _check_tasks_whole(examples: Sequence[Example], unseen_sources: set[str], where: str) -> None:
    side_of: dict[str, bool] = {}
    for example in examples:
        if example.task is None:
            continue
        is_unseen = example.source in unseen_sources
        if side_of.setdefault(example.task, is_unseen) != is_unseen:
            raise ZsgError(
                f"{where}: the task {example.task!r} has several sources, and the split by source puts it on both "
                f"sides; split by task, or name the unseen tasks"
            )


def _sides(examples: Sequence[Example], unseen: Sequence[bool], where: str) -> Iterator[Example]:
    if not any(unseen):
        raise ZsgError(f"the split leaves no unseen examples in {where}")
    if all(unseen):
        raise ZsgError(f"the split leaves no seen examples in {where}: every task is unseen")
    return (replace(own, side="unseen") if is_unseen else own for own, is_unseen in zip(examples, unseen, strict=True))
