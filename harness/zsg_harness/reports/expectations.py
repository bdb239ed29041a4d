"""What somebody found, beside what was found here: the `[[expect]]` tables of the matrices, answered."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import pandas as pd

from zsg_harness.reports.formatting import LOSS_DIGITS, number
from zsg_harness.reports.records import PlanRecord
from zsg_harness.reports.statistics import Difference, difference, verdict
from zsg_harness.reports.table import Replicate, Row, SectionKey, random_row, section_key

Outcome = Literal["reproduced", "same direction", "opposite direction", "contradicted", "not run"]

EXPLANATION: Final = (
    "“Reproduced” and “contradicted” are said only where the 95 % interval of the difference leaves out 0 and each "
    "side that varies has five distinct orders; else only the direction is told, which noise may have made. Two single "
    "orders are each taken to vary as random order does. Each finding is taken by itself: the more there are, the more "
    "of them leave out 0 by chance."
)

_CERTAIN: Final[dict[str, Outcome]] = {"better": "reproduced", "worse": "contradicted"}


@dataclass(frozen=True, slots=True)
class Finding:
    """An expectation and its answer.

    Attributes:
        lower, than: The arrangements, of which the first was found to be lower.
        figure: The figure that is compared, as the leaderboard calls it, or `loss at step N`.
        source: Who found it.
        section: Where it was looked for; None where no section has both arrangements.
        difference: The first minus the second, with 95 % limits.
        outcome: `reproduced` and `contradicted` are said where the limits leave out 0 and there are replicates
            enough; else only the direction is.
    """

    lower: str
    than: str
    figure: str
    source: str
    section: SectionKey | None
    difference: Difference | None
    outcome: Outcome

    @property
    def claim(self) -> str:
        """What was found elsewhere."""
        return f"{self.figure}: {self.lower} lower than {self.than}"

    @property
    def here(self) -> str:
        """What was found here, in a few words."""
        if self.difference is None:
            return "–"
        mean, low, high = (number(value, LOSS_DIGITS, signed=True) for value in self.difference.interval)
        return mean if math.isnan(self.difference.interval.low) else f"{mean} [{low}, {high}]"


def findings(
    plans: Iterable[PlanRecord], sections: Mapping[SectionKey, Sequence[Row]], curves: pd.DataFrame
) -> list[Finding]:
    """Answer the expectations of frozen plans, in their order: each in the sections that its own matrix has cells in.

    Args:
        plans: The plans; of a matrix that was planned several times an expectation is answered once.
        sections: The rows of the leaderboard.
        curves: The loss of each cell at each step, as `unseen_curves` gives it.
    """
    plans = list(plans)
    losses: dict[str, pd.Series[Any]] = {}
    if any(entry.get("step") is not None for plan in plans for entry in plan.matrix.get("expect", [])):
        losses = {str(cell): own.set_index("step")["loss"] for cell, own in curves.groupby("cell", observed=True)}
    found: dict[str, Finding] = {}
    for plan in plans:
        keys = {section_key(cell) for cell in plan.cells}
        own = {key: rows for key, rows in sections.items() if key in keys}
        for entry in plan.matrix.get("expect", []):
            # By what they say: limits that are not known, NaN, are equal to nothing.
            found |= {repr(each): each for each in _answers(entry, own, losses)}
    return list(found.values())


def _answers(
    entry: Mapping[str, Any], sections: Mapping[SectionKey, Sequence[Row]], losses: Mapping[str, pd.Series[Any]]
) -> Iterator[Finding]:
    lower, than, step = entry["lower"], entry["than"], entry.get("step")
    figure = entry["figure"] if step is None else f"loss at step {step}"
    asked = (lower, than, figure, entry["source"])
    answered = False
    for key, rows in sections.items():
        for ours, theirs in _pairs(rows, lower, than):
            answered = True
            sampled = entry["figure"] if step is None else _loss_at(step, losses)
            random = random_row(rows)
            noise = None if random is None else random.sample(sampled)
            apart = difference(ours.sample(sampled), theirs.sample(sampled), noise)
            yield Finding(*asked, key, apart, _outcome(apart))
    if not answered:
        yield Finding(*asked, None, None, "not run")


def _pairs(rows: Sequence[Row], lower: str, than: str) -> Iterator[tuple[Row, Row]]:
    """The rows of both arrangements that share an embedder, or of which one needs none."""
    for ours in rows:
        for theirs in rows:
            embedders = {row.key.embedder for row in (ours, theirs)} - {None}
            if (ours.key.arrangement, theirs.key.arrangement) == (lower, than) and len(embedders) <= 1:
                yield ours, theirs


def _loss_at(step: int, losses: Mapping[str, pd.Series[Any]]) -> Any:
    """The mean over a replicate's cells of the loss at the last evaluation up to a step."""

    def at(replicate: Replicate) -> float:
        found = [losses[cell.cell_id] for cell in replicate.cells]
        return sum(float(own[own.index <= step].iloc[-1]) for own in found) / len(found)

    return at


def _outcome(found: Difference | None) -> Outcome:
    if found is None:
        return "not run"
    direction: Outcome = "same direction" if found.interval.mean < 0 else "opposite direction"
    return _CERTAIN.get(verdict(found), direction)
