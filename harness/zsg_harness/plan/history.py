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


class Planned(NamedTuple):
    """A cell of an earlier plan. In one plan, labels say all but the seeds."""

    plan: str
    cell_id: str


class History:
    """What the frozen plans of a store tell. They are read when first asked for: one file for each matrix."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def named_like(self, cell: Cell) -> Sequence[Planned]:
        """Other cells of the same labels and seeds."""
        name = Name.of(cell.labels)
        found = (each for seed in cell.user_seeds for each in self._cells.get((name, seed), ()))
        return [each for each in dict.fromkeys(found) if each.cell_id != cell.cell_id]

    def newest(self) -> Iterator[tuple[Name, str, str]]:
        """Name, seed and id of a cell for each name and seed: of several, one of the last plan."""
        for (name, seed), cells in self._cells.items():
            yield name, seed, cells[-1].cell_id

    @cached_property
    def _cells(self) -> dict[tuple[Name, str], list[Planned]]:
        found: dict[tuple[Name, str], list[Planned]] = {}
        for plan, document in self._store.matrices().items():
            for cell in document.get("cells", ()):
                labels = cell["labels"]
                name = Name(*(labels.get(field) for field in Name._fields))
                for seed in cell["seeds"]:
                    found.setdefault((name, seed), []).append(Planned(plan, cell["cell_id"]))
        return found
