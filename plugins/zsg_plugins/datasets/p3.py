"""The data set `p3`: prompted tasks, split as T0 was trained and evaluated."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import Field

from zsg_plugins.datasets.files import FIELDS, Record, data_files, records
from zsg_plugins.datasets.published import Published, name_in, published_split
from zsg_plugins.datasets.rows import examples_of
from zsg_plugins.datasets.split import FractionSplit, NamedSplit, NoSplit, SplitParams, Unseen
from zsg_registry import DatasetContext, Example, Side, ZsgError

# https://github.com/bigscience-workshop/t-zero, t0/datasets.csv (Apache-2.0): do_train = BASE, do_eval = BASE.
# The tasks of commonsense_qa are those of cos_e in later releases of P3.
T0_SOURCES: Final[Mapping[Side, tuple[str, ...]]] = {
    "seen": (
        *("adversarial_qa", "ag_news", "amazon_polarity", "app_reviews", "cnn_dailymail", "common_gen"),
        *("commonsense_qa", "cos_e", "cosmos_qa", "dbpedia_14", "dream", "duorc", "gigaword", "glue_mrpc", "glue_qqp"),
        *("imdb", "kilt_tasks_hotpotqa", "multi_news", "paws_labeled_final", "qasc", "quail", "quarel", "quartz"),
        *("quoref", "ropes", "rotten_tomatoes", "samsum", "sciq", "social_i_qa", "trec", "wiki_bio"),
        *("wiki_hop_original", "wiki_qa", "wiqa", "xsum", "yelp_review_full"),
    ),
    "unseen": (
        *("anli", "hellaswag", "story_cloze", "super_glue_cb", "super_glue_copa", "super_glue_rte"),
        *("super_glue_wic", "super_glue_wsc.fixed", "winogrande"),
    ),
}
"""The data sets whose prompts T0 was trained on, and those that it was evaluated on."""
_SIDE_OF: Final[Mapping[str, Side]] = {source: side for side, sources in T0_SOURCES.items() for source in sources}
_SPLITS: Final[Mapping[Side, tuple[str, ...]]] = {
    "seen": ("train", "validation", "test"),
    "unseen": ("validation", "test", "train"),
}
"""Which published split of a task is read: the first of these that it has."""
_BROKEN: Final = "gigaword_summarize_"  # left out of T0's mixture: its files were damaged when T0 was trained
_CHOICES: Final = "_score_eval"  # such tasks have a row for each choice, for evaluation by rank
_FIELDS: Final = FIELDS | {"inputs_pretokenized", "targets_pretokenized", "answer_choices"}


class P3(Published):
    """The Public Pool of Prompts, split as T0 was: 36 data sets to train on, 9 held out.

    `path` is a folder with a folder or file for each task (.parquet, .jsonl, .jsonl.gz, .json; with
    `inputs_pretokenized` and `targets_pretokenized`), or files whose rows have `task`, `prompt` and `completion`.
    Training tasks are read from their published training split, held-out ones from their validation split; tasks of
    neither list, and those that T0 left out, are not read. With `unseen` every task is read, and is split by that.

    Sanh et al., "Multitask Prompted Training Enables Zero-Shot Task Generalization" (2022).
    """

    class Params(Published.Params, SplitParams):
        """Where the tasks are, and which of them are unseen."""

        revision: str = "cb2e9d449e5a9247efe483abf353c4eab84bfeab"
        """The hub's commit: of its own Parquet conversion, in March 2024."""

        max_per_task: int | None = Field(default=None, ge=1)
        """Read at most so many examples of each task, its first ones: all of P3 is too much for a machine's memory."""

        unseen: Unseen = None
        """By default T0's held-out tasks. Else a list of names, a file of them, or the fraction of tasks to draw."""

    license: ClassVar[str | None] = "Apache-2.0"
    citation: ClassVar[str | None] = (
        "Sanh et al., Multitask Prompted Training Enables Zero-Shot Task Generalization, ICLR 2022"
    )
    hub: ClassVar[str] = "bigscience/P3"
    hub_files: ClassVar[tuple[str, ...]] = tuple(
        f"{source}_*/{_SPLITS[side][0]}/*.parquet" for source, side in _SIDE_OF.items()
    )
    official: ClassVar[str] = "a folder with a folder or file for each task"
    params: Params

    def load(self, context: DatasetContext) -> Iterable[Example]:
        """All examples, task by task in the order of their names.

        Raises:
            ZsgError: A file is missing or damaged, a row has no prompt or answer, or the split leaves a side empty.
        """
        root = self.root()
        examples = [_sourced(example) for example in examples_of(self._rows(root))]
        return self._split().apply(examples, str(root))

    def files(self, root: Path) -> list[Path]:
        """Of each task, the files of one published split."""
        by_task: dict[str, dict[str | None, list[Path]]] = {}
        unseen_is_given = self.params.unseen is not None
        for file in data_files(root, without=self._names_file):
            task = _task_of(file, root)
            if task.endswith(_CHOICES) or (task == _BROKEN and not unseen_is_given):
                continue
            by_task.setdefault(task, {}).setdefault(_split_of(file, root), []).append(file)
        return [file for task, by_split in by_task.items() for file in _one_split(task, by_split)]

    def split_spec(self) -> Any:
        """The lists, or the names, or what is drawn."""
        return self._split().spec()

    def _rows(self, root: Path) -> Iterator[Record]:
        """The rows with the names of an example's fields, up to the most that are read of a task."""
        most, counts = self.params.max_per_task, Counter[str]()
        for file in self.files(root):
            task_of_file = _task_of(file, root)
            for place, row in records([file], _FIELDS):
                if not isinstance(row, Mapping):
                    yield place, row
                    continue
                task = row.get("task") or task_of_file
                if counts[task] == most:
                    if task == task_of_file:
                        break  # of a file for each task, the rest need not even be read
                    continue
                counts[task] += 1
                yield place, _renamed(row, task)

    @property
    def _names_file(self) -> Path | None:
        return Path(self.params.unseen) if isinstance(self.params.unseen, str) else None

    def _split(self) -> T0Split | NamedSplit | FractionSplit | NoSplit:
        return T0Split() if self.params.unseen is None else self.params.unseen_split()


class T0Split:
    """T0's training and held-out tasks, by the data sets that they were made from. Other tasks are left out."""

    def spec(self) -> dict[str, Any]:
        """What stands for this split in a fingerprint."""
        return {"t0": {side: sorted(sources) for side, sources in T0_SOURCES.items()}}

    def apply(self, examples: Sequence[Example], where: str) -> Iterator[Example]:
        """The examples of T0's tasks, each with its side.

        Raises:
            ZsgError: A side is left empty.
        """
        sides = [_side_of(example.task or "") for example in examples]
        for side, sources in T0_SOURCES.items():
            if side not in sides:
                raise ZsgError(
                    f"{where} has no task that T0 {'was trained on' if side == 'seen' else 'held out'} "
                    f"({', '.join(sources[:6])} …): give unseen=…"
                )
        return (replace(example, side=side) for example, side in zip(examples, sides, strict=True) if side is not None)


def t0_source(task: str) -> str | None:
    """The data set of T0's lists that a task's name begins with."""
    return next((source for source in _SIDE_OF if task == source or task.startswith(f"{source}_")), None)


def _side_of(task: str) -> Side | None:
    source = t0_source(task)
    return None if source is None else _SIDE_OF[source]


def _sourced(example: Example) -> Example:
    return example if example.source is not None else replace(example, source=t0_source(example.task or ""))


def _split_of(file: Path, root: Path) -> str | None:
    return next(filter(None, map(published_split, reversed(_names(file, root)))), None)


def _task_of(file: Path, root: Path) -> str:
    """The innermost name that is neither a split nor a shard's number."""
    names = (name for name in reversed(_names(file, root)) if published_split(name) is None and not name.isdigit())
    return next(names, "")


def _names(file: Path, root: Path) -> list[str]:
    name = name_in(file, root) or file.name
    return re.sub(r"\.(jsonl\.gz|jsonl|json|parquet)$", "", name, flags=re.IGNORECASE).split("/")


def _one_split(task: str, by_split: Mapping[str | None, list[Path]]) -> list[Path]:
    if None in by_split:
        return by_split[None]
    wanted = (*_SPLITS[_side_of(task) or "seen"], *by_split)
    return next(by_split[name] for name in wanted if name in by_split)


def _renamed(row: Mapping[str, Any], task: str) -> dict[str, Any]:
    renamed = {key: value for key, value in row.items() if key in FIELDS} | {"task": task}
    if "inputs_pretokenized" in row:
        renamed["prompt"] = row["inputs_pretokenized"]
    if "targets_pretokenized" in row:
        renamed["completion"] = _stripped(row["targets_pretokenized"])
    choices = row.get("answer_choices")
    if isinstance(choices, list) and choices:
        renamed["choices"] = [_stripped(choice) for choice in choices]
    return renamed


def _stripped(value: Any) -> Any:
    """T0's answers begin with a space in P3's files."""
    return value.strip() if isinstance(value, str) else value
