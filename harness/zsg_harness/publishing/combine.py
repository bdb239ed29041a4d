"""One leaderboard of several stores, none of which is changed, with what each of them gave."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import Any, Final

import pandas as pd
from pandas.api.types import union_categoricals

from zsg_harness.reports.board import ColumnSource, Leaderboard, Section, assemble
from zsg_harness.reports.collect import OpenCell, Results, collect
from zsg_harness.reports.finished import FinishedCell
from zsg_harness.reports.formatting import count
from zsg_harness.reports.places import without_places
from zsg_harness.reports.records import Direction, PlanRecord
from zsg_harness.seed_text import seed_text
from zsg_harness.store.merge import Conflict
from zsg_harness.store.results import differing_files, results_of
from zsg_harness.store.store import Store
from zsg_registry import ZsgError

COLUMN: Final = "stores"
_CATEGORIES: Final = ("cell", "scope", "task", "metric")
_LABELS: Final = ("arrangement", "dataset", "embedder", "model", "budget")


@dataclass(frozen=True, slots=True)
class Combined:
    """Several stores as one.

    Attributes:
        results: As of one store. Of a cell that several have, the first store's counts.
        origins: The store that each finished cell came from, by what the store is called.
        conflicts: What several have and differs, the same notion as in `store merge`.
    """

    results: Results
    origins: Mapping[str, str]
    conflicts: Sequence[Conflict]

    def board(self, added: ColumnSource | None = None) -> Leaderboard:
        """The leaderboard, with a column and notes that say which store gave what, behind the columns of `added`."""

        def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Sequence[Any]]:
            return {**(added(rows) if added else {}), COLUMN: self._stores(rows)}

        board = assemble(self.results, columns)
        return replace(board, sections=[replace(each, notes=self._notes(each)) for each in board.sections])

    def _stores(self, rows: Sequence[Mapping[str, Any]]) -> list[str]:
        given: dict[tuple[Any, ...], Counter[str]] = {}
        for cell in self.results.finished:
            key = tuple(cell.labels.model_dump()[label] for label in _LABELS)
            given.setdefault(key, Counter())[self.origins[cell.cell_id]] += 1
        return [_counted(given[tuple(row[label] for label in _LABELS)]) for row in rows]

    def _notes(self, section: Section) -> list[str]:
        cells = [cell.cell_id for row in section.rows for cell in row.cells]
        given = Counter(self.origins[cell_id] for cell_id in cells)
        keys = {f"cells/{cell_id}" for cell_id in cells}
        notes = [*section.notes, f"From {count(len(given), 'store')}: {_counted(given)}."] if given else []
        return [*notes, *(f"Conflict: {each}." for each in self.conflicts if each.key in keys)]


def combine(stores: Mapping[str, Store], matrix: str | None = None) -> Combined:
    """Read several stores as one.

    Args:
        stores: By what they are called; where two differ, the earlier one counts.
        matrix: The name of a matrix, which each of them has; None for every cell.

    Raises:
        ZsgError: One is not there or damaged, or they disagree on which way a metric is better.
    """
    read = {name: collect(store, matrix) for name, store in stores.items()}
    conflicts: list[Conflict] = []
    plans = _plans(read, conflicts)
    origins: dict[str, str] = {}
    finished: dict[str, FinishedCell] = {}
    for name, results in read.items():
        for cell in results.finished:
            first = origins.setdefault(cell.cell_id, name)
            if first == name:
                finished[cell.cell_id] = cell
            elif differs := _differing(stores[first], stores[name], cell.cell_id):
                conflicts.append(Conflict(f"cells/{cell.cell_id}", name, tuple(differs), None))
    seeds = _planned_seeds(plans.values())
    scores = [
        results.scores[results.scores["cell"].isin([cell_id for cell_id, first in origins.items() if first == name])]
        for name, results in read.items()
    ]
    combined = replace(
        next(iter(read.values())),
        plans=plans,
        finished=tuple(replace(cell, seeds=seeds.get(cell.cell_id, cell.seeds)) for cell in finished.values()),
        open=tuple(_open(read.values(), finished)),
        scores=_stacked(scores),
        directions=_directions(read),
        geometric=frozenset().union(*(results.geometric for results in read.values())),
        sources={name: tasks for results in read.values() for name, tasks in results.sources.items()},
        orders={
            cell_id: ids
            for name, results in read.items()
            for cell_id, ids in results.orders.items()
            if origins[cell_id] == name
        },
    )
    return Combined(without_places(combined), origins, conflicts)


def short_names(places: Sequence[str]) -> list[str]:
    """What stores are called: a URL as it is, a folder by as many of its last names as tell it from the others."""
    folders = {place: PurePath(place).parts for place in places if "://" not in place}
    longest = max(map(len, folders.values()), default=1)
    depth = 1
    while depth < longest and len({parts[-depth:] for parts in folders.values()}) < len(folders):
        depth += 1
    return ["/".join(folders[place][-depth:]) if place in folders else place for place in places]


def _plans(read: Mapping[str, Results], conflicts: list[Conflict]) -> dict[str, PlanRecord]:
    plans: dict[str, PlanRecord] = {}
    for name, results in read.items():
        for stem, plan in results.plans.items():
            if plans.setdefault(stem, plan) != plan:
                conflicts.append(Conflict(f"matrices/{stem}.json", name, (f"{stem}.json",), None))
    return plans


def _differing(mine: Store, theirs: Store, cell_id: str) -> list[str]:
    """The files in which two stores' results of a cell differ."""
    return differing_files(results_of(mine, cell_id)[0], results_of(theirs, cell_id)[0])


def _planned_seeds(plans: Iterable[PlanRecord]) -> dict[str, tuple[str, ...]]:
    """The seeds that each cell stands for in all plans together."""
    found: dict[str, set[str]] = {}
    for plan in plans:
        for entry in plan.cells:
            found.setdefault(entry.cell_id, set()).update(map(seed_text, entry.seeds))
    return {cell_id: tuple(sorted(seeds)) for cell_id, seeds in found.items()}


def _open(read: Iterable[Results], finished: Mapping[str, FinishedCell]) -> Iterable[OpenCell]:
    """The cells that no store has finished; what one of them tells of a cell goes before that it has not begun."""
    found: dict[str, OpenCell] = {}
    for results in read:
        for cell in results.open:
            known = found.get(cell.cell_id)
            if cell.cell_id not in finished and (known is None or known.state == "unfinished"):
                found[cell.cell_id] = cell
    return found.values()


def _stacked(scores: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tables of scores, one below the other, whose names stay numbered."""
    full = [each for each in scores if len(each)] or scores[:1]
    stacked = pd.concat(full, ignore_index=True)
    for name in _CATEGORIES:
        stacked[name] = union_categoricals([each[name] for each in full])
    stacked["cell"] = stacked["cell"].cat.remove_unused_categories()
    return stacked


def _directions(read: Mapping[str, Results]) -> dict[str, Direction]:
    directions: dict[str, Direction] = {}
    for name, results in read.items():
        for metric, direction in results.directions.items():
            if directions.setdefault(metric, direction) != direction:
                raise ZsgError(f"metric {metric!r} is better {direction} only in {name}")
    return directions


def _counted(given: Mapping[str, int]) -> str:
    return ", ".join(f"{count(cells, 'cell')} of {name}" for name, cells in given.items())
