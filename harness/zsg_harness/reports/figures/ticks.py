"""Ticks of a log axis that has a place for the start."""

from __future__ import annotations

import math
from typing import Final

_MOST_TICKS: Final = 10


def round_ticks(unit: float, last: float) -> list[float]:
    """0, and the round values 1, 2, 5 × 10^k from `unit` to `last`; only 10^k when that is too many."""
    decades = range(math.floor(math.log10(unit)), math.floor(math.log10(max(last, unit))) + 1)
    for digits in ((1, 2, 5), (1,)):
        ticks = [digit * 10.0**power for power in decades for digit in digits]
        ticks = [tick for tick in ticks if unit <= tick <= last]
        if len(ticks) <= _MOST_TICKS:
            break
    return [0.0, *ticks]


def short_number(value: float) -> str:
    """`500`, `20k`, `3M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"
