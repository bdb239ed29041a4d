"""DEITA's selection: the best examples that are not too similar to a better one."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.arrangements.distances import DECIMALS, UNSURE, dense
from zsg_plugins.arrangements.scores import Direction, Scored
from zsg_registry import ArrangeContext, Need, Order, View


class Deita(Scored):
    """The best-scored examples first, those too similar to one already taken last (the selection of DEITA).

    The score-first, diversity-aware selection of DEITA (Liu et al., arXiv 2312.15685), on any score: its
    own, complexity times quality as judged by a model, comes from a file. By default the longest are best, a simple
    baseline that is hard to beat (Zhao et al., arXiv 2402.04833). Examples are visited in the order of `sort`; one
    whose cosine to an example taken before reaches the threshold is put off, and those put off follow in the same
    order, so that any budget is filled. The stage of an entry is `diverse` or `similar`, its score the given one.

    Attributes:
        block: How many examples are compared at once; it changes no result.
    """

    block: ClassVar[int] = 1024

    class Params(Scored.Params):
        """What the score is, and what too similar means."""

        direction: Direction | None = "descending"
        """Whether the greatest or the least score is the best."""
        threshold: float = Field(default=0.9, ge=-1)
        """The cosine from which on two examples are too similar. Above 1 none are."""
        view: View = "both"
        """Which text is embedded."""

    params: Params

    @property
    def needs(self) -> frozenset[Need]:
        """What the score needs, and embeddings."""
        return super().needs | {Need.EMBEDDER}

    def arrange(self, context: ArrangeContext) -> Order:
        """Visit the examples by score until enough are taken."""
        ranked = self.ranked(context)
        is_taken = self._diverse(context, ranked.indices)
        order = np.concatenate([np.flatnonzero(is_taken), np.flatnonzero(~is_taken)])
        return Order(
            ranked.indices[order],
            stages=np.where(is_taken[order], 0, 1).astype(np.int32),
            stage_names=("diverse", "similar"),
            scores=None if ranked.scores is None else ranked.scores[order],
        ).head(context.budget)

    def _diverse(self, context: ArrangeContext, ranked: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which of the ranked examples are taken, bool `[N]`; decided until they fill the budget."""
        vectors = context.embeddings("pool", self.params.view)
        taken = np.zeros(len(ranked), dtype=np.bool_)
        for start in range(0, len(ranked), self.block):
            places = np.arange(start, min(start + self.block, len(ranked)))
            before = ranked[taken]
            if len(before) >= context.budget:
                break
            if len(before):
                nearest = context.similarity(vectors[ranked[places]], vectors[before]).reduce("max")
                places = places[nearest < self.params.threshold]
            if len(places):
                taken[places] = self._diverse_in_block(context, vectors[ranked[places]])
        return taken

    def _diverse_in_block(self, context: ArrangeContext, vectors: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of some examples, `[b, d]`, are not too similar to one of them that was taken before."""
        similarity = context.similarity(vectors, vectors)
        values = dense(similarity).astype(np.float64)
        unsure = np.nonzero(np.abs(values - self.params.threshold) <= UNSURE)
        values[unsure] = np.round(similarity.pairs(*unsure), DECIMALS)
        too_similar = values >= self.params.threshold
        taken = np.zeros(len(vectors), dtype=np.bool_)
        put_off = np.zeros(len(vectors), dtype=np.bool_)
        for i in range(len(vectors)):
            if not put_off[i]:
                taken[i] = True
                put_off |= too_similar[i]
        return taken
