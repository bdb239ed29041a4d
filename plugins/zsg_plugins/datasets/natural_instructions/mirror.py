"""The hub's mirror of natural-instructions: a row an answer, without the examples of the tasks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final, NamedTuple

from zsg_plugins.datasets.files import Record, data_files, records
from zsg_plugins.datasets.natural_instructions.tasks import Instance
from zsg_registry import Side, ZsgError

_FIELDS: Final = ("task_name", "id", "definition", "inputs", "targets")
_FOLDERS: Final[dict[Side, str]] = {"seen": "train", "unseen": "test"}


class MirroredTask(NamedTuple):
    """A task of the mirror, with all that it says of it."""

    name: str
    side: Side
    definition: str
    instances: list[Instance]


def is_mirror(root: Path) -> bool:
    """Whether a folder is laid out as the mirror is, and not as a checkout."""
    return all((root / folder).is_dir() for folder in _FOLDERS.values()) and not (root / "tasks").exists()


def mirrored_tasks(root: Path) -> Iterator[MirroredTask]:
    """The tasks, the seen ones first. Rows of one instance, which follow each other, are its references.

    Raises:
        ZsgError: A file is damaged, or a row lacks a field.
    """
    for side, folder in _FOLDERS.items():
        rows = map(_row, records(data_files(root / folder), _FIELDS))
        for name, of_task in groupby(rows, lambda row: row["task_name"]):
            definition, instances = "", []
            for _, same in groupby(of_task, lambda row: (row["id"], row["inputs"])):
                found = list(same)
                definition = found[0]["definition"]
                instances.append(Instance(found[0]["inputs"], tuple(row["targets"] for row in found)))
            yield MirroredTask(name, side, definition, instances)


def _row(record: Record) -> Mapping[str, str]:
    place, row = record
    fields = row if isinstance(row, dict) else {}
    texts = {name: fields[name] for name in _FIELDS if isinstance(fields.get(name), str)}
    if len(texts) < len(_FIELDS):
        wanted, has = ", ".join(_FIELDS), ", ".join(fields)
        raise ZsgError(f"{place}: not a row of the mirror, which has the texts {wanted} (its fields: {has})")
    return texts
