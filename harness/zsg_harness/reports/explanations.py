"""What explains a row beside its scores, as columns behind the leaderboard's own, and what to know of its tokens."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Final

import pandas as pd

from zsg_harness.reports import decomposition, dynamics, harm
from zsg_harness.reports.decomposition import Decomposition
from zsg_harness.reports.dynamics import RowDynamics
from zsg_harness.reports.table import RowKey, SectionKey

COLUMNS: Final = (*dynamics.COLUMNS, *decomposition.COLUMNS, *harm.COLUMNS)


def explained(
    table: pd.DataFrame,
    went: Mapping[RowKey, RowDynamics],
    apart: Mapping[RowKey, Decomposition],
    harmed: Mapping[RowKey, Mapping[str, float]],
) -> pd.DataFrame:
    """The leaderboard with `COLUMNS` behind its own; what is not known of a row is NaN.

    Args:
        table: The leaderboard.
        went: How training went in each row.
        apart: The decompositions of their differences to random.
        harmed: What they cost on seen tasks.
    """
    found: dict[str, list[float]] = {name: [] for name in COLUMNS}
    for key in _keys(table):
        told = {**went[key].figures, **(apart[key].columns if key in apart else {}), **harmed.get(key, {})}
        for name, values in found.items():
            values.append(told.get(name, math.nan))
    return table.assign(**{name: pd.Series(values, table.index, dtype="float64") for name, values in found.items()})


def _keys(table: pd.DataFrame) -> Iterator[RowKey]:
    """The rows that the lines of a leaderboard are of."""
    names = [*SectionKey._fields, "arrangement", "embedder"]
    for *section, arrangement, embedder in table[names].itertuples(index=False):
        yield RowKey(SectionKey(*section), arrangement, None if pd.isna(embedder) else embedder)
