"""Test-centric multi-turn arrangement: every unseen example picks its nearest training example, turn by turn."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zsg_plugins.arrangements.distances import ComparedToQuery, similarity_to_query
from zsg_registry import ArrangeContext, Order


class TestCentricMultiTurn(ComparedToQuery):
    """Turns in which each unseen example picks its nearest remaining training example (the paper's TMA).

    Algorithm 1 of the paper. The picks of a turn are simultaneous: all choose from the same remaining pool, two that
    choose the same example merge, and what was chosen is gone from the next turn on. Equally near examples: the first
    in the pool. The last turn is cut at the budget. The stage of an entry is its turn (from 0), its score the
    distance to the query example that picked it (of several, the nearest; with `mode=farthest` the farthest).
    """

    __test__ = False  # pytest: not a class of tests

    class Params(ComparedToQuery.Params):
        """Which examples are picked, and how a turn is ordered."""

        mode: Literal["nearest", "farthest"] = "nearest"
        """Pick the nearest remaining example, or the farthest (the paper's MIN and MAX sets)."""
        within: Literal["index", "distance", "shuffle"] = "index"
        """Order inside a turn: as in the pool (as in the paper's code), by the distance of the pick (nearest first,
        with `mode=farthest` farthest first; equal ones as in the pool), or shuffled."""

    params: Params

    @property
    def stochastic(self) -> bool:
        """Only a shuffle inside the turns depends on the seed."""
        return self.params.within == "shuffle"

    def arrange(self, context: ArrangeContext) -> Order:
        """Algorithm 1, until the budget is reached."""
        nearest = self.params.mode == "nearest"
        similarity = similarity_to_query(context, self.params.distance, self.params.view)
        cursor = similarity.cursor(largest=nearest)
        columns = np.arange(len(context.query))
        turns: list[NDArray[np.int64]] = []
        distances: list[NDArray[np.float64]] = []
        taken = 0
        while taken < context.budget:
            picks = cursor.peek_all()
            rows, distance = _merged(picks, -similarity.pairs(picks, columns), nearest)
            cursor.remove(rows)
            inside = self._inside_turn(context, len(turns), rows, distance)
            turns.append(rows[inside])
            distances.append(distance[inside])
            taken += len(rows)
        return Order(
            np.concatenate(turns),
            stages=np.repeat(np.arange(len(turns)), [len(rows) for rows in turns]).astype(np.int32),
            scores=np.concatenate(distances).astype(np.float32),
        ).head(context.budget)

    def _inside_turn(
        self, context: ArrangeContext, turn: int, rows: NDArray[np.int64], distance: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """The order of a turn's ascending rows, as positions in them."""
        if self.params.within == "shuffle":
            return context.rng(turn).permutation(len(rows))
        if self.params.within == "distance":
            return np.argsort(distance if self.params.mode == "nearest" else -distance, kind="stable")
        return np.arange(len(rows))


def _merged(
    picks: NDArray[np.int64], distances: NDArray[np.float64], nearest: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The picked rows, ascending and each once, with the extreme distance of those who picked it."""
    rows, groups = np.unique(picks, return_inverse=True)
    merged = np.full(len(rows), np.inf if nearest else -np.inf)
    (np.minimum if nearest else np.maximum).at(merged, groups, distances)
    return rows, merged
