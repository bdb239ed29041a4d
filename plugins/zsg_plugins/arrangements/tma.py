"""Test-centric multi-turn arrangement: every unseen example picks its nearest training example, turn by turn."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, islice
from typing import Literal, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import NonNegativeInt, model_validator

from zsg_plugins.arrangements.distances import ComparedToQuery, similarity_to_query
from zsg_registry import ArrangeContext, Order, Similarity, ZsgError


class Turn(NamedTuple):
    """The examples picked in a turn, int64 `[n]`, in their order, and the distance of each pick, float64 `[n]`."""

    rows: NDArray[np.int64]
    distances: NDArray[np.float64]


class TestCentricMultiTurn(ComparedToQuery):
    """Turns in which each unseen example picks its nearest remaining training example (the paper's TMA).

    Algorithm 1 of the paper (He et al., arXiv 2406.11721). The picks of a turn are simultaneous: all choose from the
    same remaining pool, two that choose the same example merge, and what was chosen is gone from the next turn on.
    Equally near examples: the first in the pool. The last turn is cut at the budget (in the paper's code it is not).
    The stage of an entry is its turn (from 0), its score the distance to the query example that picked it (of several,
    the nearest; in turns of farthest examples the farthest).

    The modes are the five sets of the paper's code. In its two-sided ones both halves of the budget (an odd one to the
    first) are picked independently; here the second picks from what the first left, so that they are disjoint. The
    second half is reversed as a whole, turns and what is in them, and the stages count on through it.
    """

    examples = (
        "tma[mode=farthest]",
        "tma[within=shuffle] | zigzag",
    )

    __test__ = False  # pytest: not a class of tests

    class Params(ComparedToQuery.Params):
        """Which examples are picked, and how a turn is ordered."""

        mode: Literal["nearest", "farthest", "nearest-then-farthest", "farthest-then-nearest", "random"] = "nearest"
        """Pick the nearest remaining example, or the farthest (the paper's MIN and MAX sets); half of the budget by
        the nearest, then half by the farthest in reverse, so that the farthest come last (its min-max, also called NFT
        there), or the other way round (max-min, FFT); or the set of nearest-then-farthest in random order (RT)."""
        within: Literal["index", "distance", "shuffle"] = "index"
        """Order inside a turn: as in the pool (as in the paper's code), by the distance of the pick (nearest first,
        in turns of farthest examples farthest first; equal ones as in the pool), or shuffled."""
        turns: tuple[NonNegativeInt, NonNegativeInt] | None = None
        """Keep the turns i … j - 1 of `[i, j]` only (the paper's ablation of turns), which may be fewer examples than
        the budget. For the modes nearest and farthest."""

        @model_validator(mode="after")
        def _turns_are_a_range_of_one_walk(self) -> Self:
            if self.turns is not None and self.mode not in ("nearest", "farthest"):
                raise ValueError(f"turns are kept in the modes 'nearest' and 'farthest', not in {self.mode!r}")
            if self.turns is not None and self.turns[1] <= self.turns[0]:
                raise ValueError(f"turns={list(self.turns)} keeps none: [i, j] keeps the turns i … j - 1")
            return self

    params: Params

    @property
    def stochastic(self) -> bool:
        """Only a shuffle, of all or inside the turns, depends on the seed."""
        return self.params.mode == "random" or self.params.within == "shuffle"

    @property
    def may_underfill(self) -> bool:
        """A range of turns may not reach the budget."""
        return self.params.turns is not None

    def arrange(self, context: ArrangeContext) -> Order:
        """Algorithm 1, until the budget is reached."""
        similarity = similarity_to_query(context, self.params.distance, self.params.view)
        if self.params.turns is not None:
            return self._range_of_turns(context, similarity, *self.params.turns)
        if self.params.mode in ("nearest", "farthest"):
            return _joined(self._turns(context, similarity, self.params.mode == "nearest"), context.budget)
        order = self._two_halves(context, similarity)
        if self.params.mode == "random":
            return order.take(context.rng("random").permutation(len(order)))
        return order

    def _range_of_turns(self, context: ArrangeContext, similarity: Similarity, first: int, end: int) -> Order:
        turns = self._turns(context, similarity, self.params.mode == "nearest", until=end)
        order = _joined(islice(turns, first, end), context.budget, first)
        if not len(order):
            raise ZsgError(f"turns=[{first},{end}]: the pool is used up before turn {first}, the first to keep")
        return order

    def _two_halves(self, context: ArrangeContext, similarity: Similarity) -> Order:
        nearest = self.params.mode != "farthest-then-nearest"
        half = (context.budget + 1) // 2
        head = _joined(self._turns(context, similarity, nearest), half)
        assert head.stages is not None
        turned = int(head.stages[-1]) + 1
        turns = self._turns(context, similarity, not nearest, gone=head.indices, number=turned)
        tail = _joined(turns, context.budget - half)
        tail = tail.take(np.arange(len(tail))[::-1])
        assert tail.stages is not None
        assert head.scores is not None
        assert tail.scores is not None
        # The last turn picked is the first one emitted.
        stages = turned + tail.stages.max(initial=0) - tail.stages
        return Order(
            np.concatenate([head.indices, tail.indices]),
            stages=np.concatenate([head.stages, stages]),
            scores=np.concatenate([head.scores, tail.scores]),
        )

    def _turns(
        self,
        context: ArrangeContext,
        similarity: Similarity,
        nearest: bool,
        *,
        gone: NDArray[np.int64] | None = None,
        number: int = 0,
        until: int | None = None,
    ) -> Iterator[Turn]:
        """The turns of Algorithm 1, until nothing remains.

        Args:
            context: The arrangement's.
            similarity: Of the pool to the query.
            nearest: Pick the nearest remaining example, not the farthest.
            gone: What cannot be picked.
            number: The number of the first turn.
            until: How many turns will be asked for, where the budget does not say.
        """
        left, columns = len(context.pool), np.arange(len(context.query))
        picked = context.budget if until is None else min(until * len(columns), left)
        cursor = similarity.cursor(largest=nearest, picks=picked)
        if gone is not None:
            cursor.remove(gone)
            left -= len(gone)
        for turn in count(number):
            if left == 0:
                return
            picks = cursor.peek_all()
            rows, distances = _merged(picks, -similarity.pairs(picks, columns), nearest)
            cursor.remove(rows)
            left -= len(rows)
            inside = self._inside_turn(context, turn, distances, nearest)
            yield Turn(rows[inside], distances[inside])

    def _inside_turn(
        self, context: ArrangeContext, turn: int, distances: NDArray[np.float64], nearest: bool
    ) -> NDArray[np.int64]:
        """The order of a turn's ascending rows, as positions in them."""
        if self.params.within == "shuffle":
            return context.rng(turn).permutation(len(distances))
        if self.params.within == "distance":
            return np.argsort(distances if nearest else -distances, kind="stable")
        return np.arange(len(distances))


def _joined(turns: Iterator[Turn], size: int, number: int = 0) -> Order:
    """Turns one after another, cut at `size` entries; their stages count from `number`."""
    taken: list[Turn] = []
    left = size
    while left > 0 and (turn := next(turns, None)) is not None:
        taken.append(turn)
        left -= len(turn.rows)
    if not taken:
        return Order(np.arange(0), stages=np.empty(0, np.int32), scores=np.empty(0, np.float32))
    return Order(
        np.concatenate([turn.rows for turn in taken]),
        stages=np.repeat(number + np.arange(len(taken)), [len(turn.rows) for turn in taken]).astype(np.int32),
        scores=np.concatenate([turn.distances for turn in taken]).astype(np.float32),
    ).head(size)


def _merged(picks: NDArray[np.int64], distances: NDArray[np.float64], nearest: bool) -> Turn:
    """The picked rows, ascending and each once, with the extreme distance of those who picked it."""
    rows, groups = np.unique(picks, return_inverse=True)
    merged = np.full(len(rows), np.inf if nearest else -np.inf)
    (np.minimum if nearest else np.maximum).at(merged, groups, distances)
    return Turn(rows, merged)
