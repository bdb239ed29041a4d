"""What an arrangement costs on seen tasks, beside what it gains on unseen ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import pandas as pd

from zsg_harness.reports.decomposition import against
from zsg_harness.reports.statistics import NOTHING
from zsg_harness.reports.table import Replicate, Row, RowKey, SectionKey, random_row

SEEN_LOSS: Final = "seen_loss"
COLUMNS: Final = ("seen_change", "seen_harm", "seen_harm_low", "seen_harm_high")
"""The change of the loss on held-out examples of seen tasks from before training to its end; and that minus random's,
with its 95 % limits. More than 0 is harm."""


def seen_harm(sections: Mapping[SectionKey, Sequence[Row]], scores: pd.DataFrame) -> dict[RowKey, dict[str, float]]:
    """`COLUMNS` of every row whose cells measured seen tasks before training and after it."""
    changes = _changes(scores)
    found = {}
    for rows in sections.values():
        random = random_row(rows)
        for row in rows:
            if all(cell.cell_id in changes for cell in row.cells):
                found[row.key] = _harm(row, random, changes)
    return found


def _harm(row: Row, random: Row | None, changes: Mapping[str, float]) -> dict[str, float]:
    def change(replicate: Replicate) -> float:
        return changes[replicate.cells[0].cell_id]

    mean = sum(map(change, row.replicates)) / len(row.replicates)
    compared = None
    if random is not None and row is not random and all(cell.cell_id in changes for cell in random.cells):
        compared = against(row, random, random, change)
    return dict(zip(COLUMNS, (mean, *(compared.interval if compared else NOTHING)), strict=True))


def _changes(scores: pd.DataFrame) -> dict[str, float]:
    """Of each cell its mean seen loss at its last step minus that before the first."""
    seen = scores[(scores["scope"] == "seen") & (scores["metric"] == SEEN_LOSS) & (scores["count"] > 0)]
    means = seen.groupby(["cell", "step"], observed=True)["value"].mean().unstack("step")
    if 0 not in means.columns:
        return {}
    ends = means.ffill(axis="columns").iloc[:, -1]
    changed = (ends - means[0])[means.drop(columns=0).notna().any(axis="columns")].dropna()
    return {str(cell): float(value) for cell, value in changed.items()}
