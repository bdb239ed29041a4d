"""The loss, or another figure, of each row of a section over training, with what it spreads over."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from zsg_harness.reports.board import Leaderboard, Section
from zsg_harness.reports.statistics import prediction_interval
from zsg_harness.reports.summary import LOSS
from zsg_harness.reports.table import Row, random_row


@dataclass(frozen=True, slots=True)
class Line:
    """A mean at each step and a band around it. The band is NaN where there is nothing to spread over."""

    mean: pd.Series[float]
    low: pd.Series[float]
    high: pd.Series[float]


@dataclass(frozen=True, slots=True)
class Series:
    """One row's curves, all over the same steps.

    Attributes:
        tokens: Mean training tokens seen so far.
        level: The mean over replicates, from their least to their greatest.
        difference: The same after taking random's mean of the same block away; None if no block holds both.
        is_random: Then both bands are the null band: where one more random order falls with 95 %.
    """

    name: str
    tokens: pd.Series[float]
    level: Line
    difference: Line | None
    is_random: bool


def section_series(board: Leaderboard, section: Section, figure: str = LOSS) -> list[Series]:
    """The curves of a section, in the order of its lines.

    Args:
        board: The leaderboard.
        section: One of its sections.
        figure: A column of the leaderboard's curves.
    """
    random = random_row(section.rows)
    baseline = _random_means(board, random, figure)
    return [_series(board, row, random, baseline, figure) for row in section_rows(section)]


def section_rows(section: Section) -> list[Row]:
    """The rows of a section, in the order of its lines."""
    rows = {(row.key.arrangement, row.key.embedder): row for row in section.rows}
    labels = [(line["arrangement"], line["embedder"]) for line in section.records]
    return [rows[arrangement, None if pd.isna(embedder) else embedder] for arrangement, embedder in labels]


def _series(
    board: Leaderboard, row: Row, random: Row | None, baseline: dict[str, pd.Series[float]], figure: str
) -> Series:
    levels = _by_replicate(board, row, figure)
    tokens = _by_replicate(board, row, "tokens").mean(axis="columns").reindex(levels.index)
    if row is random:
        band = null_band(levels)
        apart = Line(band.mean - band.mean, band.low - band.mean, band.high - band.mean)
        return Series(row.name, tokens, band, apart, is_random=True)
    differences = {
        position: levels[position] - baseline[replicate.block]
        for position, replicate in enumerate(row.replicates)
        if replicate.block in baseline and position in levels
    }
    difference = spread(pd.DataFrame(differences).reindex(levels.index)) if differences else None
    return Series(row.name, tokens, spread(levels), difference, is_random=False)


def _by_replicate(board: Leaderboard, row: Row, figure: str) -> pd.DataFrame:
    """A figure of the curves: a line for each step that all replicates have, a column for each replicate."""
    cells = {cell.cell_id: position for position, replicate in enumerate(row.replicates) for cell in replicate.cells}
    mine = board.curves[board.curves["cell"].isin(cells)]
    replicate = mine["cell"].astype("str").map(cells).rename("replicate")
    means = mine.groupby([mine["step"], replicate])[figure].mean()
    return means.unstack("replicate").dropna().astype("float64")


def _random_means(board: Leaderboard, random: Row | None, figure: str) -> dict[str, pd.Series[float]]:
    """Random's mean at each step of each block."""
    if random is None:
        return {}
    levels = _by_replicate(board, random, figure)
    members: dict[str, list[int]] = {}
    for position, replicate in enumerate(random.replicates):
        if position in levels:
            members.setdefault(replicate.block, []).append(position)
    return {block: levels[positions].mean(axis="columns") for block, positions in members.items()}


def spread(levels: pd.DataFrame) -> Line:
    """The mean over columns, from their least to their greatest."""
    mean = levels.mean(axis="columns")
    if levels.shape[1] < 2:
        return Line(mean, mean * float("nan"), mean * float("nan"))
    return Line(mean, levels.min(axis="columns"), levels.max(axis="columns"))


def null_band(levels: pd.DataFrame) -> Line:
    """The mean over columns, and where one more of the same kind falls with 95 %."""
    bands = [prediction_interval([float(level) for level in row]) for row in levels.to_numpy()]
    frame = pd.DataFrame(bands, index=levels.index, columns=["mean", "low", "high"], dtype="float64")
    return Line(frame["mean"], frame["low"], frame["high"])
