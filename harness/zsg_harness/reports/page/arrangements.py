"""A page for each arrangement: what it is made of, what it may see, its figures, its cells, and its order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zsg_harness.reports.board import Leaderboard, Section
from zsg_harness.reports.collect import OpenCell
from zsg_harness.reports.finished import FinishedCell
from zsg_harness.reports.formatting import Column
from zsg_harness.reports.page.ranking import Entry, entries
from zsg_harness.reports.records import ComponentRecord
from zsg_harness.reports.table import Row

_DOTS: Final = 1000
"""Examples of an order that are drawn; of longer ones, so many at equal distances."""
_HEIGHT: Final = 999
_SHOWN_APART: Final = frozenset({"arrangement", "embedder"})


@dataclass(frozen=True, slots=True)
class MadeOf:
    """A component of an arrangement's pipe, and the version of the distribution that it came from."""

    component: ComponentRecord
    version: str


@dataclass(frozen=True, slots=True)
class CellLine:
    """A cell of an arrangement: its figures, and which of its row's distinct orders it came to."""

    cell: FinishedCell
    replicate: int
    aulc: float
    loss_final: float


@dataclass(frozen=True, slots=True)
class RowPart:
    """An arrangement within one section.

    Attributes:
        place: The row's line in the section.
        facts: Every column that says something of it.
        dots: Where each example of its first order stands among all that the section's orders have, sorted by id, from
            0 to 999; empty where no order is drawn.
        examples: How many examples the order has.
    """

    section: Section
    section_id: str
    row: Row
    place: int
    facts: Sequence[Entry]
    cells: Sequence[CellLine]
    dots: Sequence[int]
    examples: int


@dataclass(frozen=True, slots=True)
class ArrangementPage:
    """What is told of one arrangement."""

    id: str
    name: str
    access: str
    oracle: bool
    stochastic: bool
    made_of: Sequence[MadeOf]
    parts: Sequence[RowPart]
    open: Sequence[OpenCell]


def page_ids(board: Leaderboard) -> dict[str, str]:
    """The id of each arrangement's page; names have no place in an address."""
    names = dict.fromkeys(row.key.arrangement for section in board.sections for row in section.rows)
    return {name: f"arrangement-{number}" for number, name in enumerate(names, start=1)}


def arrangement_pages(board: Leaderboard, rows: Mapping[str, Sequence[Row]]) -> list[ArrangementPage]:
    """The page of each arrangement.

    Args:
        board: The leaderboard.
        rows: The rows of each section by its id on the page, in the order of its lines.
    """
    parts: dict[str, list[RowPart]] = {}
    for section, (section_id, ordered) in zip(board.sections, rows.items(), strict=True):
        lines, places = section.records, _places(board.results.orders, ordered)
        for place, (row, line) in enumerate(zip(ordered, lines, strict=True)):
            facts = entries(line, [column for column in section.columns if _says(line, column)])
            dots, examples = _dots(board.results.orders, row, places)
            part = RowPart(section, section_id, row, place, facts, _cells(row), dots, examples)
            parts.setdefault(row.key.arrangement, []).append(part)
    return [
        _page(page_id, name, parts[name], [cell for cell in board.reasons if cell.labels.arrangement == name])
        for name, page_id in page_ids(board).items()
    ]


def _page(page_id: str, name: str, parts: Sequence[RowPart], open_cells: Sequence[OpenCell]) -> ArrangementPage:
    cells = [cell for part in parts for cell in part.row.cells]
    versions: Mapping[str, Any] = cells[0].status.provenance.get("plugins", {})
    made_of = cells[0].record.spec.arranged.arrangement
    return ArrangementPage(
        page_id,
        name,
        access=cells[0].record.access,
        oracle=any(cell.oracle for cell in cells),
        stochastic=any(part.row.stochastic for part in parts),
        made_of=[MadeOf(each, str(versions.get(each.distribution, ""))) for each in made_of],
        parts=parts,
        open=open_cells,
    )


def _says(line: Mapping[str, Any], column: Column) -> bool:
    value = line[column.key]
    return column.key not in _SHOWN_APART and bool(value == value) and value is not None  # NaN is not itself


def _cells(row: Row) -> list[CellLine]:
    return [
        CellLine(cell, number, replicate.figures["aulc"], replicate.figures["loss_final"])
        for number, replicate in enumerate(row.replicates, start=1)
        for cell in replicate.cells
    ]


def _places(orders: Mapping[str, Sequence[str]], rows: Iterable[Row]) -> dict[str, int]:
    """Where each example stands among all examples of some rows' orders, sorted by their ids.

    Ids begin with the task in most data sets, so that a task's examples stand together.
    """
    ids = sorted({name for row in rows for cell in row.cells for name in orders.get(cell.cell_id, ())})
    return {name: place for place, name in enumerate(ids)}


def _dots(orders: Mapping[str, Sequence[str]], row: Row, places: Mapping[str, int]) -> tuple[list[int], int]:
    order = next((orders[cell.cell_id] for cell in row.cells if orders.get(cell.cell_id)), ())
    drawn = min(_DOTS, len(order))
    at = [order[position * len(order) // drawn] for position in range(drawn)]
    return [places[name] * _HEIGHT // max(1, len(places) - 1) for name in at], len(order)
