"""A section's table as the page shows it: its entries, and every difference to random drawn."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from zsg_harness.reports.board import Section
from zsg_harness.reports.formatting import Column, interval, text


@dataclass(frozen=True, slots=True)
class Whisker:
    """A difference to random drawn on its section's common scale, in per cent of the width.

    Attributes:
        low, high: The limits, None where there are none.
        band: The null band's limits, None where there is none.
    """

    mean: float
    low: float | None
    high: float | None
    zero: float
    band: tuple[float, float] | None


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
    """Every line's difference to random, all on one scale that holds them, zero and the null band."""
    lines = section.records
    half_band = section.null_band.high - section.null_band.mean
    values = [0.0, half_band, -half_band]
    values += [float(line[key]) for line in lines for key in ("delta_vs_random", "delta_low", "delta_high")]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite), max(finite)
    width = high - low or 1.0

    def place(value: float) -> float | None:
        return 4 + 92 * (value - low) / width if math.isfinite(value) else None

    def whisker(line: Mapping[str, Any]) -> Whisker | None:
        mean, zero = place(float(line["delta_vs_random"])), place(0.0)
        if mean is None or zero is None:
            return None
        left, right = place(-half_band), place(half_band)
        band = (left, right) if left is not None and right is not None else None
        return Whisker(mean, place(float(line["delta_low"])), place(float(line["delta_high"])), zero, band)

    return [whisker(line) for line in lines]
