"""Which arrangements do well everywhere: their mean rank over datasets, models and budgets."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

_NAME = ["arrangement", "embedder"]
_SECTION = ["dataset", "model", "budget"]


@dataclass(frozen=True, slots=True)
class Overall:
    """An arrangement over all sections.

    Attributes:
        mean_rank: The mean of its ranks by `aulc`, among the arrangements that every section has.
        ranks: The rank in each section.
        better, worse: In how many sections it is told apart from random, and which way.
        win_rate: The mean share of tasks with less loss than with random order; NaN of random itself.
    """

    arrangement: str
    embedder: str | None
    mean_rank: float
    ranks: tuple[float, ...]
    better: int
    worse: int
    win_rate: float


def overall(rows: pd.DataFrame) -> list[Overall]:
    """The arrangements that every section has, the lowest mean rank first; none unless there are several of both.

    Ranks are averaged as for a Friedman test. Source: Demšar (2006), *Statistical comparisons of classifiers over
    multiple data sets*, JMLR 7.
    """
    ranked = rows[rows["rank"].notna()]
    sections = len(ranked[_SECTION].drop_duplicates())
    if sections < 2:
        return []
    ranked = ranked.fillna({"embedder": ""})
    everywhere = ranked[ranked.groupby(_NAME)["rank"].transform("size") == sections]
    if everywhere.groupby(_NAME).ngroups < 2:
        return []
    everywhere = everywhere.assign(place=everywhere.groupby(_SECTION)["aulc"].rank())
    found = [_overall(str(name), str(embedder), own) for (name, embedder), own in everywhere.groupby(_NAME)]
    return sorted(found, key=lambda each: (each.mean_rank, each.arrangement, each.embedder or ""))


def _overall(arrangement: str, embedder: str, own: pd.DataFrame) -> Overall:
    return Overall(
        arrangement,
        embedder or None,
        float(own["place"].mean()),
        tuple(own["place"]),
        int((own["verdict"] == "better").sum()),
        int((own["verdict"] == "worse").sum()),
        float(own["win_rate"].mean()),
    )
