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

_UNLIKE: Final = 1.05
"""How many times the tokens of another row a row may train on without being told of."""


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


def token_note(lines: pd.DataFrame) -> Iterator[str]:
    """A note where rows that are compared trained on numbers of tokens more than 5 % apart."""
    tokens = lines.set_index("arrangement")["tokens_final"].dropna()
    if len(tokens) > 1 and tokens.max() > _UNLIKE * tokens.min() > 0:
        most, least = str(tokens.idxmax()), str(tokens.idxmin())
        more = tokens.max() / tokens.min() - 1
        yield (
            f"Token budgets differ: {most} trained on {more:.0%} more tokens than {least} "
            f"({tokens.max():,.0f} and {tokens.min():,.0f}); compare over tokens too."
        )


def _keys(table: pd.DataFrame) -> Iterator[RowKey]:
    """The rows that the lines of a leaderboard are of."""
    names = [*SectionKey._fields, "arrangement", "embedder"]
    for *section, arrangement, embedder in table[names].itertuples(index=False):
        yield RowKey(SectionKey(*section), arrangement, None if pd.isna(embedder) else embedder)
