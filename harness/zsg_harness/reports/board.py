"""A leaderboard, computed: its rows in sections, what to know before reading them, and what went wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from zsg_harness.reports.by_task import task_areas
from zsg_harness.reports.collect import OpenCell, Results
from zsg_harness.reports.comparison import comparisons
from zsg_harness.reports.contamination import TaskContamination, affected_tasks, clean_figures
from zsg_harness.reports.decomposition import Decomposition, decompositions
from zsg_harness.reports.dynamics import RowDynamics, dynamics
from zsg_harness.reports.environment import differences, environment
from zsg_harness.reports.expectations import Finding, findings
from zsg_harness.reports.explanations import explained
from zsg_harness.reports.formatting import Column, added_columns, columns, count
from zsg_harness.reports.harm import seen_harm
from zsg_harness.reports.notes import headline, section_notes
from zsg_harness.reports.overall import Overall, overall
from zsg_harness.reports.places import without_places
from zsg_harness.reports.statistics import (
    NOTHING,
    Interval,
    prediction_interval,
)
from zsg_harness.reports.summary import cell_figures, metric_curves, unseen_curves
from zsg_harness.reports.table import (
    Row,
    RowKey,
    SectionKey,
    collect_rows,
    column,
    plain_records,
    random_row,
    row_key,
    score_columns,
    table,
)

_NAMED: Final = 3
"""Matrices that a title names."""

ColumnSource = Callable[[Sequence[Mapping[str, Any]]], Mapping[str, Sequence[Any]]]
"""Given the rows of a leaderboard, columns to add: by name, a value of one kind, or None, for each row."""


@dataclass(frozen=True, slots=True)
class Section:
    """The rows that are ranked against each other.

    Attributes:
        lines: Their part of the leaderboard.
        null_band: Where one more random order's `aulc` falls with 95 %.
        held_out: What the loss is measured on: "unseen tasks", or "held-out examples" of data without tasks.
        notes: What to know before reading it.
        contaminated: The tasks of which the pool has scored examples too.
        sources: What data each scored task was made from, as far as it is known.
    """

    key: SectionKey
    rows: Sequence[Row]
    lines: pd.DataFrame
    columns: Sequence[Column]
    null_band: Interval
    held_out: str
    notes: Sequence[str]
    contaminated: Sequence[TaskContamination]
    sources: Mapping[str, str]

    @property
    def title(self) -> str:
        """The dataset, and the model and budget it was learnt with."""
        return f"{self.key.dataset} · {self.key.model} · budget {self.key.budget}"

    @property
    def records(self) -> list[dict[str, Any]]:
        """The lines as dictionaries."""
        return [{str(key): value for key, value in line.items()} for line in self.lines.to_dict("records")]

    @property
    def headline(self) -> str:
        """What the section shows, in a sentence or two."""
        return headline(self.records, self.held_out)


@dataclass(frozen=True, slots=True)
class Leaderboard:
    """What a store came to.

    Attributes:
        title: The name of the matrix.
        rows: One line for each arrangement × dataset × embedder × model × budget.
        curves: The unseen loss of each cell at each evaluated step, and the other scores where they were measured.
        findings: What the matrices expect, and what was found.
        environment: The values of each entry of the cells' provenance.
        differences: Those entries that differ between cells that are compared: how many cells have which value.
        overall: The arrangements that every section has, by their mean rank; none of a single section.
        dynamics: How training went in each row.
        decompositions: The rows' differences to random, taken apart into selection and order where that can be done.
    """

    title: str
    rows: pd.DataFrame
    sections: Sequence[Section]
    curves: pd.DataFrame
    results: Results
    findings: Sequence[Finding]
    environment: Mapping[str, list[str]]
    differences: Mapping[str, Mapping[str, int]]
    overall: Sequence[Overall]
    dynamics: Mapping[RowKey, RowDynamics]
    decompositions: Mapping[RowKey, Decomposition]

    @property
    def state(self) -> str:
        """How far the matrix has come: `16 of 18 cells finished, 1 failed, 1 skipped`."""
        states = Counter(cell.state for cell in self.results.open)
        done = len(self.results.finished)
        parts = [f"{done} of {count(done + states.total(), 'cell')} finished"]
        return ", ".join(parts + [f"{states[state]} {state}" for state in sorted(states)])

    @property
    def reasons(self) -> list[OpenCell]:
        """The cells that failed or were skipped, failures first."""
        told = [cell for cell in self.results.open if cell.state != "unfinished"]
        return sorted(told, key=lambda cell: cell.state)


def assemble(results: Results, added: ColumnSource | None = None) -> Leaderboard:
    """Compute a leaderboard from what was read, with the columns that `added` gives for its rows."""
    results = without_places(results)
    curves = unseen_curves(results.scores)
    figures = cell_figures(results.scores, curves, results.geometric)
    figures = figures.join(clean_figures(results.finished, figures))
    grouped = collect_rows(results.finished, figures)
    areas = task_areas(results.scores, curves)
    sources = {key: _sources(members, results) for key, members in grouped.items()}
    compared: dict[RowKey, dict[str, Any]] = {}
    for key, members in grouped.items():
        compared |= comparisons(members, areas, sources[key])
    failed = Counter(row_key(cell) for cell in results.open if cell.state == "failed")
    scores = score_columns(figures)
    went = dynamics(grouped, results.scores, curves)
    apart = decompositions(grouped)
    rows = table(grouped, compared, scores, failed)
    rows = explained(rows, went, apart, seen_harm(grouped, results.scores))
    more = added(plain_records(rows)) if added else {}
    rows = rows.assign(**{name: column(values) for name, values in more.items()})
    sections = [_section(key, members, rows, scores, list(more), sources[key]) for key, members in grouped.items()]
    names = dict.fromkeys(plan.name for plan in results.plans.values())
    title = _title(list(names))
    ran = (environment(results.finished), differences(results.finished))
    found = findings(results.plans.values(), grouped, curves)
    curves = curves.merge(metric_curves(results.scores, results.geometric), how="left", on=["cell", "step"])
    return Leaderboard(title, rows, sections, curves, results, found, *ran, overall(rows), went, apart)


def _sources(rows: Sequence[Row], results: Results) -> dict[str, str]:
    """The sources of the tasks that a section's cells were scored on."""
    eval_sets = sorted({cell.status.evalset or "" for row in rows for cell in row.cells})
    return {task: source for name in eval_sets for task, source in results.sources.get(name, {}).items()}


def _title(names: Sequence[str]) -> str:
    """The names of the matrices, or of the folder they are in where they are many."""
    if len(names) <= _NAMED:
        return " + ".join(names) or "Leaderboard"
    folders = {name.rpartition("/")[0] for name in names}
    return f"{folders.pop() if len(folders) == 1 else names[0]} ({len(names)} matrices)"


def _section(
    key: SectionKey,
    rows: Sequence[Row],
    table: pd.DataFrame,
    scores: Sequence[str],
    added: Sequence[str],
    sources: Mapping[str, str],
) -> Section:
    mine = (table["dataset"] == key.dataset) & (table["model"] == key.model) & (table["budget"] == key.budget)
    lines = table[mine]
    random = random_row(rows)
    null_band = prediction_interval(random.values("aulc")) if random else NOTHING
    held_out = " and ".join(sorted(set(lines["held_out"])))
    notes = list(section_notes(rows, random, lines, sources))
    shown = [*columns(lines, scores), *added_columns(lines, added)]
    contaminated = affected_tasks(cell for row in rows for cell in row.cells)
    return Section(key, rows, lines, shown, null_band, held_out, notes, contaminated, sources)
