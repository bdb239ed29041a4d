"""How training went in each row of a section: what it gave away, when it got how far, how its tasks' losses fell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from statistics import fmean
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from zsg_harness.reports.landmarks import SHARES, TOKENS, Curve, curves_by_cell, landmarks, regret
from zsg_harness.reports.table import Row, RowKey, SectionKey, plain, random_row
from zsg_harness.reports.task_curves import TaskCurves, task_curves
from zsg_harness.reports.transitions import KINDS, Kind, kinds, sudden_drops

COLUMNS: Final = ("regret", *SHARES, *TOKENS, "sudden_drops", *(f"tasks_{kind}" for kind in KINDS))
"""What is told of each row in `leaderboard.csv`; the last six are means over its orders."""

_MOST_DROPS: Final = 20
"""Sudden drops that are told of a row, the greatest."""
_DECIMALS: Final = 9
"""Losses that differ by less have one rank."""


class DatedDrop(NamedTuple):
    """A sudden drop of a task's loss in a cell.

    Attributes:
        from_step, to_step: The evaluations before and after it.
        from_loss, to_loss: The losses then.
    """

    task: str
    cell: str
    from_step: int
    to_step: int
    from_loss: float
    to_loss: float

    @property
    def fall(self) -> float:
        """Its size."""
        return self.from_loss - self.to_loss


class CellDynamics(NamedTuple):
    """How the losses of a cell's tasks fell.

    Attributes:
        kinds: The kind of each task's curve.
        drops: The sudden drops.
    """

    kinds: dict[str, Kind]
    drops: list[DatedDrop]


@dataclass(frozen=True, slots=True)
class RowDynamics:
    """How training went in a row.

    Attributes:
        figures: Those of `COLUMNS`.
        kinds: Of each task the kind that most of the row's cells have.
        drops: The greatest sudden drops.
        ranks: The row's rank by mean loss in its section after each step that all rows were evaluated at.
    """

    key: RowKey
    figures: Mapping[str, float]
    kinds: Mapping[str, Kind]
    drops: Sequence[DatedDrop]
    ranks: Mapping[int, int]

    def document(self) -> dict[str, Any]:
        """The details as plain JSON."""
        return {
            "arrangement": self.key.arrangement,
            "embedder": self.key.embedder,
            **{name: plain(value) for name, value in self.figures.items()},
            "tasks": dict(self.kinds),
            "drops": [drop._asdict() for drop in self.drops],
            "ranks": [{"step": step, "rank": rank} for step, rank in self.ranks.items()],
        }


def dynamics(
    sections: Mapping[SectionKey, Sequence[Row]], scores: pd.DataFrame, curves: pd.DataFrame
) -> dict[RowKey, RowDynamics]:
    """How training went in every row.

    Args:
        sections: The rows of each section.
        scores: Those of `Results`.
        curves: Those of `unseen_curves`.
    """
    of_cells = cell_dynamics(task_curves(scores))
    means = curves_by_cell(curves)
    found = {}
    for rows in sections.values():
        random = random_row(rows)
        ranks = _ranks(rows, means)
        for row in rows:
            found[row.key] = _row_dynamics(row, random, ranks.get(row.key, {}), of_cells, means)
    return found


def cell_dynamics(curves: Iterable[TaskCurves]) -> dict[str, CellDynamics]:
    """How the losses of each cell's tasks fell."""
    found: dict[str, CellDynamics] = {}
    for group in curves:
        drops = sudden_drops(group.steps, group.losses)
        for cell, task, kind in zip(group.cells, group.tasks, kinds(group.steps, group.losses, drops), strict=True):
            found.setdefault(cell, CellDynamics({}, [])).kinds[task] = kind
        for curve, start, end, _ in drops:
            cell, losses = group.cells[curve], group.losses[curve]
            steps = (int(group.steps[start]), int(group.steps[end]))
            drop = DatedDrop(group.tasks[curve], cell, *steps, float(losses[start]), float(losses[end]))
            found[cell].drops.append(drop)
    return found


def _row_dynamics(
    row: Row,
    random: Row | None,
    ranks: Mapping[int, int],
    of_cells: Mapping[str, CellDynamics],
    means: Mapping[str, Curve],
) -> RowDynamics:
    orders = [of_cells[replicate.cells[0].cell_id] for replicate in row.replicates]
    figures = {"regret": regret(row), **landmarks(row, random, means)}
    figures["sudden_drops"] = fmean(len(order.drops) for order in orders)
    for kind in KINDS:
        figures[f"tasks_{kind}"] = fmean(list(order.kinds.values()).count(kind) for order in orders)
    drops = sorted((drop for order in orders for drop in order.drops), key=lambda drop: (-drop.fall, drop))
    return RowDynamics(row.key, figures, _usual_kinds(orders), drops[:_MOST_DROPS], ranks)


def _usual_kinds(orders: Iterable[CellDynamics]) -> dict[str, Kind]:
    """The kind of each task in most orders; of those that are as frequent the one that `KINDS` names last."""
    counts: dict[str, Counter[Kind]] = {}
    for order in orders:
        for task, kind in order.kinds.items():
            counts.setdefault(task, Counter())[kind] += 1
    return {task: max(count, key=lambda kind: (count[kind], KINDS.index(kind))) for task, count in counts.items()}


def _ranks(rows: Sequence[Row], means: Mapping[str, Curve]) -> dict[RowKey, dict[int, int]]:
    """Of each row its rank after each step but the first, where all rows have a loss; equal losses share a rank."""
    losses = {number: _mean_loss(row, means) for number, row in enumerate(rows)}
    together = pd.DataFrame(losses).dropna().round(_DECIMALS)
    ranked = together[together.index > 0].rank(axis="columns", method="min").astype("int64")
    return {
        row.key: {int(step): int(rank) for step, rank in ranked[number].items()}  # type: ignore[call-overload]
        for number, row in enumerate(rows)
    }


def _mean_loss(row: Row, means: Mapping[str, Curve]) -> pd.Series[float]:
    """The mean over a row's orders at the steps that all of them were evaluated at."""
    curves = [means[replicate.cells[0].cell_id] for replicate in row.replicates]
    grids = {curve.steps.tobytes(): curve.steps for curve in curves}
    steps = reduce(np.intersect1d, grids.values())
    losses = np.mean([curve.loss[np.searchsorted(curve.steps, steps)] for curve in curves], axis=0)
    return pd.Series(losses, index=steps.astype("int64"), dtype="float64")
