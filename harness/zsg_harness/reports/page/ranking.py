"""A section's table as the page shows it: its entries, and every difference to random drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, Final, Literal

import pandas as pd

from zsg_harness.reports.board import Section
from zsg_harness.reports.formatting import Column, interval, text

_FAR: Final = 4.0
"""Times the median size, beyond which a difference is not drawn to scale."""


@dataclass(frozen=True, slots=True)
class Whisker:
    """A difference to random drawn on its section's common scale, in per cent of the width.

    Attributes:
        mean: The difference; None where it lies beyond the scale.
        low, high: The limits, cut where the scale ends; None where there are none.
        band: The null band's limits, None where there is none.
        beyond: On which side of the scale the difference lies, "left" or "right"; None where it is on it.
    """

    mean: float | None
    low: float | None
    high: float | None
    zero: float
    band: tuple[float, float] | None
    beyond: Literal["left", "right"] | None


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the table.

    Attributes:
        text: What is shown.
        below: What is shown under it: an interval, or why there is no verdict.
        sort: What its column is sorted by; empty where nothing is known.
        full: The whole value, where it is shown shortened.
    """

    column: Column
    text: str
    below: str
    sort: str
    full: str


def entries(line: Mapping[str, Any], columns: Sequence[Column]) -> list[Entry]:
    """A line's entries, one for each column."""
    return [_entry(line, column) for column in columns]


def _entry(line: Mapping[str, Any], column: Column) -> Entry:
    value = line[column.key]
    plain = "" if pd.isna(value) else str(value)
    shown, below = text(line, column), interval(line, column)
    if shown.startswith("undecided "):
        shown, _, below = shown.partition(" ")
    return Entry(column, shown, below, plain, plain if column.key.endswith("_hash") else "")


def minor(section: Section) -> set[str]:
    """The columns that a narrow screen leaves out until asked: those that tell no two rows apart."""
    return {"access", "embedder"} if section.lines["embedder"].nunique() <= 1 else {"access"}


def whiskers(section: Section) -> list[Whisker | None]:
    """Every line's difference to random on one scale, which a few that are far away do not stretch."""
    lines = section.records
    half_band = section.null_band.high - section.null_band.mean
    low, high = _scale(lines, half_band)
    zero = _place(0.0, low, high)
    band = (_place(-half_band, low, high), _place(half_band, low, high)) if math.isfinite(half_band) else None

    def whisker(line: Mapping[str, Any]) -> Whisker | None:
        mean, *limits = (float(line[key]) for key in ("delta_vs_random", "delta_low", "delta_high"))
        if not math.isfinite(mean):
            return None
        beyond: Literal["left", "right"] | None = "left" if mean < low else "right" if mean > high else None
        ends = [_place(limit, low, high) if math.isfinite(limit) else None for limit in limits]
        return Whisker(None if beyond else _place(mean, low, high), ends[0], ends[1], zero, band, beyond)

    return [whisker(line) for line in lines]


def _scale(lines: Sequence[Mapping[str, Any]], half_band: float) -> tuple[float, float]:
    """From where to where: all differences, their limits and the null band, but for what is far from most."""
    values = [0.0, half_band, -half_band]
    values += [float(line[key]) for line in lines for key in ("delta_vs_random", "delta_low", "delta_high")]
    finite = [value for value in values if math.isfinite(value)]
    sizes = [abs(float(line["delta_vs_random"])) for line in lines if math.isfinite(float(line["delta_vs_random"]))]
    furthest = max(_FAR * median(sizes) if sizes else 0.0, half_band if math.isfinite(half_band) else 0.0)
    return max(min(finite), -furthest), min(max(finite), furthest)


def _place(value: float, low: float, high: float) -> float:
    return 4 + 92 * (min(max(value, low), high) - low) / (high - low or 1.0)
