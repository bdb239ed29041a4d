"""What of the scored examples was in the training pool too, and what the loss is without them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from zsg_harness.reports.finished import FinishedCell
from zsg_harness.reports.records import ContaminationRecord
from zsg_harness.reports.summary import mean_height

KINDS: Final[Mapping[str, str]] = {
    "exact": "exactly",
    "same-words": "but for case, white space or punctuation",
    "same-prompt": "with another answer",
    "near": "nearly",
    "similar": "by the embedder",
}
"""The kinds, the surest first, in words."""

WITHOUT: Final = ("aulc_clean", "loss_final_clean")
"""The figures of the loss over the examples that are not affected."""
CLEAN: Final = "_clean"
"""Behind the name of a score over the examples that are not affected."""

_NAMED: Final = 5
"""Sources that are named, those with the most scored examples."""


class TaskContamination(NamedTuple):
    """Of a task the scored examples that a pool has too, the most of any pool, by kind."""

    task: str
    kinds: Mapping[str, int]


def clean_figures(cells: Iterable[FinishedCell], figures: pd.DataFrame) -> pd.DataFrame:
    """`WITHOUT` for each cell, indexed by it: where nothing is affected the figures of all; NaN where nobody looked.

    So are the other scores that some cell has without its affected examples, under names that end in `CLEAN`.
    """
    cells = list(cells)
    scores = sorted({score for cell in cells for score in cell.without if score in figures})
    found: dict[str, list[float]] = {}
    every = figures[["aulc", "loss_final", *scores]].to_dict("index")
    for cell in cells:
        told = cell.status.contamination
        if told is None:
            values = [np.nan] * (len(WITHOUT) + len(scores))
        elif told.without is None:
            values = list(every[cell.cell_id].values())
        else:
            losses = told.without.loss
            values = [mean_height(np.log1p(told.without.step), losses), losses[-1] if losses else np.nan]
            values += [cell.without.get(score, np.nan) for score in scores]
        found[cell.cell_id] = values
    columns = [*WITHOUT, *(score + CLEAN for score in scores)]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns, dtype=np.float64)


def mean_of(cells: Iterable[FinishedCell], what: str) -> float:
    """The mean over cells of a count, NaN where nobody counted."""
    told = [float(getattr(record, what)) for record in _records(cells)]
    return fmean(told) if told else np.nan


def affected_tasks(cells: Iterable[FinishedCell]) -> list[TaskContamination]:
    """The tasks with scored examples that a pool has too, the most affected first."""
    most: dict[str, dict[str, int]] = {}
    for record in _records(cells):
        for task, kinds in record.tasks.items():
            own = most.setdefault(task, dict.fromkeys(KINDS, 0))
            for kind, number in kinds.items():
                own[kind] = max(own.get(kind, 0), number)
    found = [TaskContamination(task, kinds) for task, kinds in most.items()]
    return sorted(found, key=lambda each: (-sum(each.kinds.values()), each.task))


def contamination_notes(cells: Sequence[FinishedCell]) -> Iterator[str]:
    """What to know of a section's pools and evaluation."""
    records = list(_records(cells))
    if not records:
        return
    if dropped := [record.dropped for record in records if record.dropped]:
        yield f"Dropped from the pool, for the evaluation has them too: {_spread(dropped)} examples."
    affected = [record.affected for record in records if record.affected]
    if affected:
        kinds = {kind: max(record.kinds.get(kind, 0) for record in records) for kind in KINDS if kind != "similar"}
        named = ", ".join(f"{number} {KINDS[kind]}" for kind, number in kinds.items() if number)
        scored = max(record.scored for record in records)
        yield f"Contamination: of {scored} scored examples the pool has {_spread(affected)} too ({named})."
    if similar := max(record.kinds.get("similar", 0) for record in records):
        yield f"An embedder takes up to {similar} more of the scored examples for one of the pool's."
    sources = {source: number for record in records for source, number in record.sources.items()}
    if sources:
        most = sorted(sources.items(), key=lambda each: (-each[1], each[0]))
        named = ", ".join(f"{source} ({number} scored)" for source, number in most[:_NAMED])
        more = f" and {len(most) - _NAMED} more ({sum(n for _, n in most[_NAMED:])} scored)" if most[_NAMED:] else ""
        yield f"Sources on both sides: {named}{more}."


def _records(cells: Iterable[FinishedCell]) -> Iterator[ContaminationRecord]:
    return (cell.status.contamination for cell in cells if cell.status.contamination is not None)


def _spread(numbers: Sequence[int]) -> str:
    return str(numbers[0]) if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"
