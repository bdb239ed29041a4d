"""The rows of a leaderboard: what each arrangement came to.

A row is an arrangement on a dataset with an embedder, a model and a budget. It is ranked among the rows of
the same dataset, model and budget: a *section*.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any, Final, NamedTuple

import pandas as pd

from zsg_harness.reports.collect import OpenCell
from zsg_harness.reports.contamination import WITHOUT, mean_of
from zsg_harness.reports.finished import FinishedCell
from zsg_harness.reports.records import PlannedCell
from zsg_harness.reports.statistics import Sample, t_interval
from zsg_harness.reports.summary import LOSS_FIGURES
from zsg_registry.errors import ZsgError

RANDOM: Final = "random"
SCORES_FIRST: Final = ("rouge1", "rougeL", "exact_match")
COLUMNS_BEFORE_SCORES: Final = (
    "rank", "arrangement", "dataset", "embedder", "model", "budget", "access", "seeds",
    "loss_final", "loss_final_low", "loss_final_high", "loss_best", "aulc", "aulc_linear", "aulc_tokens",
    "delta_vs_random", "delta_low", "delta_high", "verdict",
)  # fmt: skip
COLUMNS_AFTER_SCORES: Final = (
    "set_hash", "order_hash", "replicates", "failed",
    "loss_final_example", "loss_final_token",
    "loss_delta_vs_random", "loss_delta_low", "loss_delta_high", "loss_verdict",
    "held_out", "oracle", "step_final", "tokens_final",
    "affected", "dropped", *WITHOUT,
    "p_value", "p_holm", "verdict_holm", "loss_p_value", "loss_p_holm", "loss_verdict_holm",
    "delta_source_low", "delta_source_high", "tie_group", "win_rate",
)  # fmt: skip


class SectionKey(NamedTuple):
    """What rows that are ranked against each other share."""

    dataset: str
    model: str
    budget: str


class RowKey(NamedTuple):
    """What names a row."""

    section: SectionKey
    arrangement: str
    embedder: str | None


@dataclass(frozen=True, slots=True)
class Replicate:
    """One distinct order within a block, which may have been reached from several seeds and in several cells.

    Attributes:
        figures: Each figure's mean over the cells.
    """

    block: str
    order_hash: str
    cells: tuple[FinishedCell, ...]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Row:
    """A row's replicates, in the order in which the plan first names them."""

    key: RowKey
    replicates: tuple[Replicate, ...]

    @property
    def cells(self) -> list[FinishedCell]:
        """The finished cells of every replicate."""
        return [cell for replicate in self.replicates for cell in replicate.cells]

    @property
    def name(self) -> str:
        """The arrangement, with its embedder in brackets."""
        return self.key.arrangement + (f" ({self.key.embedder})" if self.key.embedder else "")

    @property
    def stochastic(self) -> bool:
        """Whether another order seed could have given another order."""
        return any(cell.record.seeds.order is not None for cell in self.cells)

    @property
    def sets(self) -> dict[str, set[str]]:
        """The sets of examples that its cells trained on, by block."""
        sets: dict[str, set[str]] = {}
        for cell in self.cells:
            sets.setdefault(cell.record.block, set()).add(cell.set_hash)
        return sets

    def values(self, figure: str) -> list[float]:
        """One figure of every replicate."""
        return [replicate.figures[figure] for replicate in self.replicates]

    def sample(self, figure: str | Callable[[Replicate], float]) -> Sample:
        """One figure of the replicates of each block, by its name or as a function of a replicate."""
        blocks: dict[str, list[float]] = {}
        for replicate in self.replicates:
            value = replicate.figures[figure] if isinstance(figure, str) else figure(replicate)
            blocks.setdefault(replicate.block, []).append(value)
        return Sample(blocks, self.stochastic)


def section_key(cell: FinishedCell | OpenCell | PlannedCell) -> SectionKey:
    """The section that a cell belongs to."""
    return SectionKey(cell.labels.dataset, cell.labels.model, cell.labels.budget)


def row_key(cell: FinishedCell | OpenCell) -> RowKey:
    """The row that a cell belongs to."""
    return RowKey(section_key(cell), cell.labels.arrangement, cell.labels.embedder)


def collect_rows(cells: Iterable[FinishedCell], figures: pd.DataFrame) -> dict[SectionKey, list[Row]]:
    """Group finished cells into rows of distinct orders, and rows into sections, as the plan lists them."""
    grouped: dict[RowKey, dict[tuple[str, str], list[FinishedCell]]] = {}
    for cell in cells:
        orders = grouped.setdefault(row_key(cell), {})
        orders.setdefault((cell.record.block, cell.order_hash), []).append(cell)
    by_cell: Mapping[Any, Mapping[Any, float]] = figures.to_dict("index")
    sections: dict[SectionKey, list[Row]] = {}
    for key, orders in grouped.items():
        row = Row(key, tuple(_replicate(*order, members, by_cell) for order, members in orders.items()))
        _check_one_setting(row)
        sections.setdefault(key.section, []).append(row)
    return sections


def _replicate(
    block: str, order_hash: str, cells: list[FinishedCell], figures: Mapping[Any, Mapping[Any, float]]
) -> Replicate:
    own = [figures[cell.cell_id] for cell in cells]
    means = {name: _mean([each[name] for each in own if not math.isnan(each[name])]) for name in own[0]}
    return Replicate(block, order_hash, tuple(cells), means)


def _check_one_setting(row: Row) -> None:
    """Refuse to average over cells that were trained or evaluated under different settings.

    The labels do not name every setting (a learning rate, say), but the block does, and within one setting it
    is fixed by the seeds of the data and of the training.
    """
    blocks: dict[tuple[int | None, int | None], set[str]] = {}
    for cell in row.cells:
        seeds = cell.record.seeds
        blocks.setdefault((seeds.data, seeds.train), set()).add(cell.record.block)
    if any(len(found) > 1 for found in blocks.values()):
        section, arrangement, _ = row.key
        raise ZsgError(
            f"{arrangement!r} on {' · '.join(section)}: cells of different settings carry the same labels, and "
            "cannot share a row; if they are of several matrices, choose one by its <name>-<hash>"
        )


def random_row(rows: Sequence[Row]) -> Row | None:
    """The random order of a section, which serves every embedder."""
    return next((row for row in rows if row.key.arrangement == RANDOM), None)


def score_columns(figures: pd.DataFrame) -> list[str]:
    """The columns of scores: the usual ones first and always, then others on unseen tasks, then the rest."""
    names = [str(name) for name in figures.columns if name not in (*LOSS_FIGURES, *WITHOUT)]
    others = sorted(names, key=lambda name: ("/" in name, name))
    return [*SCORES_FIRST, *(name for name in others if name not in SCORES_FIRST)]


def table(
    sections: Mapping[SectionKey, Sequence[Row]],
    compared: Mapping[RowKey, dict[str, Any]],
    scores: Sequence[str],
    failed: Mapping[RowKey, int],
) -> pd.DataFrame:
    """The leaderboard: one line a row, the sections one after the other, each ranked by `aulc`.

    Args:
        sections: The rows of each section.
        compared: The columns of each row that say how it compares with others.
        scores: The names of the scores beside the loss.
        failed: How many cells of a row failed.
    """
    lines: list[dict[str, Any]] = []
    for rows in sections.values():
        section = [_line(row, scores) | compared[row.key] | {"failed": failed.get(row.key, 0)} for row in rows]
        section.sort(key=lambda line: (math.isnan(line["aulc"]), line["aulc"], line["arrangement"]))
        for line in section:
            better = sum(other["aulc"] < line["aulc"] for other in section)
            line["rank"] = None if math.isnan(line["aulc"]) else better + 1
        lines += section
    columns = [*COLUMNS_BEFORE_SCORES, *map(score_column, scores), *COLUMNS_AFTER_SCORES]
    frame = pd.DataFrame(lines, columns=columns)
    whole = ["rank", "seeds", "replicates", "failed", "tie_group"]
    return frame.astype(dict.fromkeys(whole, "Int64"))


def plain_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame as Python's own values; what is missing, or is no finite number, is None."""
    return [{str(name): plain(value) for name, value in line.items()} for line in frame.to_dict("records")]


def plain(value: Any) -> Any:
    """One value likewise."""
    if pd.isna(value) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.item() if hasattr(value, "item") else value


def column(values: Sequence[Any]) -> pd.Series[Any]:
    """Values of one kind, with None among them, as a column: whole numbers stay whole."""
    return pd.Series(values, dtype=object).convert_dtypes()


def score_column(score: str) -> str:
    """A score's column; one that shares its name with another column is told apart by a prefix."""
    taken = score in COLUMNS_BEFORE_SCORES or score in COLUMNS_AFTER_SCORES
    return f"metric:{score}" if taken else score


def _line(row: Row, scores: Sequence[str]) -> dict[str, Any]:
    final = t_interval(row.values("loss_final"))
    cells = row.cells
    section, arrangement, embedder = row.key
    line: dict[str, Any] = {
        "arrangement": arrangement,
        **section._asdict(),
        "embedder": embedder,
        "access": _agreed(cell.record.access for cell in cells),
        "seeds": len({seed for cell in cells for seed in cell.seeds}),
        "loss_final": final.mean,
        "loss_final_low": final.low,
        "loss_final_high": final.high,
        "set_hash": _agreed(cell.set_hash for cell in cells),
        "order_hash": _agreed(cell.order_hash for cell in cells),
        "replicates": len(row.replicates),
        "held_out": _agreed(cell.held_out for cell in cells),
        "oracle": any(cell.oracle for cell in cells),
        "affected": mean_of(cells, "affected"),
        "dropped": mean_of(cells, "dropped"),
    }
    for figure in WITHOUT:
        line[figure] = _mean([value for value in row.values(figure) if not math.isnan(value)])
    for figure in LOSS_FIGURES[1:]:
        line[figure] = _mean(row.values(figure))
    for score in scores:
        measured = (replicate.figures.get(score, math.nan) for replicate in row.replicates)
        line[score_column(score)] = _mean([value for value in measured if not math.isnan(value)])
    return line


def _mean(values: Sequence[float]) -> float:
    return fmean(values) if values else math.nan


def _agreed(values: Iterable[str]) -> str:
    """The value that all share, else how many there are."""
    distinct = sorted(set(values))
    return distinct[0] if len(distinct) == 1 else f"{len(distinct)} distinct"
