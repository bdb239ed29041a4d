"""A hook that adds a column to the leaderboard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from zsg_bits_per_byte import OUTPUT
from zsg_registry import hookimpl

_TABLE = ("dataset", "model", "budget")


class BitsSaved:
    """Adds a column: the share of random order's bits that an arrangement saves, in percent."""

    api_version = 1

    def __init__(self, heading: str = "bits saved, %") -> None:
        self.heading = heading

    @hookimpl
    def zsg_leaderboard_columns(self, results: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[Any]]:
        """No column where nothing was scored in bits; no value where there is no random order to compare with."""
        if all(row.get(OUTPUT) is None for row in results):
            return {}
        random = {table_of(row): row[OUTPUT] for row in results if row["arrangement"] == "random"}
        return {self.heading: [saved(row[OUTPUT], random.get(table_of(row))) for row in results]}


def table_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Which rows are compared: those of one data set, model and budget."""
    return tuple(row[name] for name in _TABLE)


def saved(bits: float | None, of_random: float | None) -> float | None:
    """Percent of random's bits."""
    return None if bits is None or not of_random else 100 * (1 - bits / of_random)
