"""The leaderboard as one HTML file that needs nothing else: no network, no server, no other file."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from markupsafe import Markup

from zsg_harness.reports import simulated
from zsg_harness.reports.board import Leaderboard, Section
from zsg_harness.reports.contamination import KINDS
from zsg_harness.reports.dynamics import DatedDrop
from zsg_harness.reports.environment import counted_values, environment_text
from zsg_harness.reports.expectations import EXPLANATION
from zsg_harness.reports.formatting import LOSS_DIGITS, number
from zsg_harness.reports.matrix_text import matrix_file, matrix_toml, reproduce_command
from zsg_harness.reports.page.arrangements import arrangement_pages, page_ids
from zsg_harness.reports.page.charts import chart, thinned
from zsg_harness.reports.page.failures import failure_pages
from zsg_harness.reports.page.ranking import entries, minor, whiskers
from zsg_harness.reports.page.scripts import (
    PACKAGE,
    content_hash,
    packed,
    packed_json,
    plotly_source,
    scripts,
    template_text,
)
from zsg_harness.reports.series import section_rows
from zsg_harness.reports.styles import PALETTE, RANDOM_COLOUR, Style
from zsg_harness.reports.table import RANDOM, Row
from zsg_harness.reports.task_curves import TaskCurves, task_curves
from zsg_harness.templates import templates

_MOST_DROPS: Final = 12
_TASK_LOSSES: Final = 400_000
"""Losses of single tasks that a page has room for, at about six bytes each."""


def page(board: Leaderboard) -> str:
    """The page."""
    rows = {f"section-{place}": section_rows(section) for place, section in enumerate(board.sections, start=1)}
    own, library = (scripts(), plotly_source()) if board.sections else ([], "")
    return (
        templates(PACKAGE)
        .get_template("index.html.j2")
        .render(
            board=board,
            sections=_sections(board, rows),
            arrangements=arrangement_pages(board, rows),
            failures=failure_pages(board.reasons),
            scripts=own,
            plotly=packed(library),
            script_hashes=[content_hash(script) for script in (*own, library)] if own else [],
            style=Markup(template_text("page.css")),
            colours=[RANDOM_COLOUR, *PALETTE],
            loss=partial(number, digits=LOSS_DIGITS),
            number=number,
            explanation=EXPLANATION,
            trust=simulated.sentences(),
            **_reproduction(board),
        )
    )


def _sections(board: Leaderboard, rows: dict[str, list[Row]]) -> list[dict[str, Any]]:
    """The sections as the template shows them."""
    styles, ids = _styles(rows), page_ids(board)
    losses = _task_losses(board, rows)
    told = []
    for section, (section_id, ordered) in zip(board.sections, rows.items(), strict=True):
        drawn = [styles[_style_key(row)] for row in ordered]
        pages = [ids[row.key.arrangement] for row in ordered]
        lines = zip(section.records, drawn, pages, whiskers(section), strict=True)
        told.append(
            {
                "id": section_id,
                "section": section,
                "lines": [
                    {"entries": entries(line, section.columns), "style": style, "page": page_id, "whisker": whisker}
                    for line, style, page_id, whisker in lines
                ],
                "minor": minor(section),
                "kinds": [kind for kind in KINDS if any(each.kinds[kind] for each in section.contaminated)],
                "drops": _drops(board, section),
                "apart": [board.decompositions[row.key] for row in section.rows if row.key in board.decompositions],
                "chart": packed_json(chart(board, section, drawn, pages, losses)),
            }
        )
    return told


def _task_losses(board: Leaderboard, rows: dict[str, list[Row]]) -> list[TaskCurves]:
    """The tasks' loss curves of all cells, at so many steps that the page has room for the mean of every row."""
    found = task_curves(board.results.scores)
    cells = max(1, len(board.results.finished))
    numbers = sum(group.losses.size for group in found) * sum(map(len, rows.values())) / cells
    return thinned(found, _TASK_LOSSES / max(1.0, numbers))


def _styles(rows: dict[str, list[Row]]) -> dict[tuple[str, str | None], Style]:
    """One style for each arrangement and embedder, the same in every section."""
    styles: dict[tuple[str, str | None], Style] = {}
    for ordered in rows.values():
        for row in ordered:
            position = sum(name != RANDOM for name, _ in styles)
            styles.setdefault(_style_key(row), Style(position, is_random=row.key.arrangement == RANDOM))
    return styles


def _style_key(row: Row) -> tuple[str, str | None]:
    return row.key.arrangement, row.key.embedder


def _drops(board: Leaderboard, section: Section) -> list[tuple[str, DatedDrop]]:
    """The greatest sudden drops of a section, each with its arrangement."""
    drops = [(row.key.arrangement, drop) for row in section.rows for drop in board.dynamics[row.key].drops]
    return sorted(drops, key=lambda each: -each[1].fall)[:_MOST_DROPS]


def _reproduction(board: Leaderboard) -> dict[str, Any]:
    """The matrices, and what the cells were run with."""
    return {
        "matrices": [
            (stem, matrix_file(plan.name), matrix_toml(plan.matrix), reproduce_command(plan.name))
            for stem, plan in board.results.plans.items()
        ],
        "differences": {name: environment_text(counted_values(cells)) for name, cells in board.differences.items()},
        "environment": {
            name: environment_text(values)
            for name, values in board.environment.items()
            if name not in board.differences
        },
    }
