"""How much of a difference to random is what was trained on, and how much the order of it.

X − random = (X | shuffle − random) + (X − X | shuffle): the first part is *selection*, since a shuffled X differs from
random in its examples alone, the second is *order*. Where X trains on the very examples that random does, no control is
needed: all of the difference is order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from zsg_harness.reports.statistics import Difference, Interval, Sample, difference
from zsg_harness.reports.table import Replicate, Row, RowKey, SectionKey, plain, random_row

CONTROL: Final = " | shuffle"
"""What stands behind an arrangement's name in its matched-set control."""
FIGURES: Final = ("aulc", "loss_final")
COLUMNS: Final = tuple(f"{part}{end}" for part in ("selection", "order") for end in ("_effect", "_low", "_high"))
"""What is told of a row in `leaderboard.csv`: the parts of its `delta_vs_random`, with their 95 % limits."""

NOT_A_CONTROL: Final = "its control trained on other examples"

Figure = str | Callable[[Replicate], float]


@dataclass(frozen=True, slots=True)
class Parts:
    """A difference to random in one figure, taken apart within the blocks that hold all that it takes.

    Attributes:
        total: X − random.
        selection: X | shuffle − random; exactly 0 where random has the same examples.
        order: X − X | shuffle.
    """

    total: Difference
    selection: Difference
    order: Difference

    def document(self) -> dict[str, Any]:
        """As plain JSON."""
        return {
            name: {
                **{end: plain(value) for end, value in part.interval._asdict().items()},
                "replicates": part.replicates,
            }
            for name, part in (("total", self.total), ("selection", self.selection), ("order", self.order))
        }


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A row's difference to random, taken apart.

    Attributes:
        control: What selection was told from order by: the matched-set control, or that random has the same set.
        parts: By figure; none where the control is none, which `control` then says.
    """

    key: RowKey
    control: str
    parts: Mapping[str, Parts]

    @property
    def columns(self) -> dict[str, float]:
        """Those of `COLUMNS`."""
        if "aulc" not in self.parts:
            return {}
        both = (self.parts["aulc"].selection.interval, self.parts["aulc"].order.interval)
        return dict(zip(COLUMNS, (value for interval in both for value in interval), strict=True))

    def document(self) -> dict[str, Any]:
        """As plain JSON."""
        parts = {figure: part.document() for figure, part in self.parts.items()}
        return {"arrangement": self.key.arrangement, "embedder": self.key.embedder, "control": self.control, **parts}


def decompositions(sections: Mapping[SectionKey, Sequence[Row]]) -> dict[RowKey, Decomposition]:
    """Take apart the difference to random of every row that has a control, or trains on what random does."""
    found = {}
    for rows in sections.values():
        random = random_row(rows)
        by_key = {row.key: row for row in rows}
        for row in rows:
            control = by_key.get(row.key._replace(arrangement=row.key.arrangement + CONTROL))
            if random is None or row is random or row.key.arrangement.endswith(CONTROL):
                continue
            if _same_sets(row, random):
                parts = {figure: _order_alone(row, random, figure) for figure in FIGURES}
                found[row.key] = Decomposition(row.key, "random has the same examples", _there(parts))
            elif control is not None and not _same_sets(row, control):
                found[row.key] = Decomposition(row.key, NOT_A_CONTROL, {})
            elif control is not None:
                parts = {figure: _apart(row, control, random, figure) for figure in FIGURES}
                found[row.key] = Decomposition(row.key, control.key.arrangement, _there(parts))
    return found


def against(
    ours: Row, theirs: Row, random: Row, figure: Figure, blocks: Iterable[str] | None = None
) -> Difference | None:
    """A row minus another in a figure, within the blocks (of `blocks`, if they are given) that hold both."""
    chosen = None if blocks is None else set(blocks)
    return difference(*(_within(row.sample(figure), chosen) for row in (ours, theirs, random)))


def _within(sample: Sample, blocks: set[str] | None) -> Sample:
    values = {block: own for block, own in sample.values.items() if blocks is None or block in blocks}
    return Sample(values, sample.stochastic)


def _apart(row: Row, control: Row, random: Row, figure: str) -> Parts | None:
    blocks = set(row.sets) & set(control.sets) & set(random.sets)
    pairs = ((row, random), (control, random), (row, control))
    parts = [against(ours, theirs, random, figure, blocks) for ours, theirs in pairs]
    return None if any(part is None for part in parts) else Parts(*(part for part in parts if part is not None))


def _order_alone(row: Row, random: Row, figure: str) -> Parts | None:
    total = against(row, random, random, figure)
    return None if total is None else Parts(total, Difference(Interval(0.0, 0.0, 0.0), total.replicates, 1.0), total)


def _there(parts: Mapping[str, Parts | None]) -> dict[str, Parts]:
    return {figure: part for figure, part in parts.items() if part is not None}


def _same_sets(ours: Row, theirs: Row) -> bool:
    """Whether two rows trained on the same examples wherever they can be compared, and they can somewhere."""
    mine, other = ours.sets, theirs.sets
    shared = mine.keys() & other.keys()
    return bool(shared) and all(mine[block] == other[block] for block in shared)
