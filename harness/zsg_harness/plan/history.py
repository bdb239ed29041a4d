"""The cells that earlier plans of a store were about, by their labels and seeds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from zsg_harness.plan.cell import Cell, Labels
from zsg_harness.store.store import Store


class Name(NamedTuple):
    """What a user calls a cell."""

    arrangement: str
    dataset: str
    embedder: str | None
    model: str
    budget: str

    @classmethod
    def of(cls, labels: Labels) -> Name:
        """The name of a planned cell."""
        return cls(labels.arrangement, labels.dataset, labels.embedder, labels.model, labels.budget)


class History:
    """What the frozen plans of a store tell. They are read when first asked for: one file for each matrix."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def named_like(self, cell: Cell) -> Sequence[str]:
        """The ids of other cells of the same labels and seeds."""
        name = Name.of(cell.labels)
        found = dict.fromkeys(each for seed in cell.user_seeds for each in self._ids.get((name, seed), ()))
        found.pop(cell.cell_id, None)
        return list(found)

    def newest(self) -> Iterator[tuple[Name, str, str]]:
        """Name, seed and id of a cell for each name and seed: of several, one that was planned last."""
        for (name, seed), ids in self._ids.items():
            yield name, seed, ids[-1]

    @cached_property
    def _ids(self) -> dict[tuple[Name, str], list[str]]:
        found: dict[tuple[Name, str], list[str]] = {}
        for plan in self._store.matrices().values():
            for cell in plan.get("cells", ()):
                labels = cell["labels"]
                name = Name(*(labels.get(field) for field in Name._fields))
                for seed in cell["seeds"]:
                    found.setdefault((name, seed), []).append(cell["cell_id"])
        return found
