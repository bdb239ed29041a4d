"""Fold and zigzag: the whole range of a ranking several times instead of once."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_registry import ArrangeContext, Order, Parameters, Transform


def folded(n: int, folds: int, zigzag: bool) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Fold the positions 0 … n-1.

    Args:
        n: How many.
        folds: The number L of passes; those from the n-th on are empty.
        zigzag: Whether every second pass runs backwards.

    Returns:
        The positions in folded order, int64 `[n]`: 0, L, 2L, …, then 1, L+1, …; and the pass of each, int32 `[n]`.
    """
    positions = np.arange(n)
    passes = positions % folds
    inside = np.where(zigzag & (passes % 2 == 1), -positions, positions)
    order = np.lexsort((inside, passes))
    return order, passes[order].astype(np.int32)


class Folding(Transform):
    """The base of transforms that fold the whole order."""

    class Params(Parameters):
        """How often to fold."""

        folds: int = Field(default=3, ge=1)
        """How many passes. One leaves the order as it is."""

    params: Params
    zigzag: ClassVar[bool]

    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """Pass after pass."""
        positions, passes = folded(len(order), self.params.folds, self.zigzag)
        return replace(order.take(positions), stages=passes, stage_names=None)


class Fold(Folding):
    """Several passes over the order, each with every `folds`-th entry: its whole range again and again.

    Folding Ordering of DELT (Dai et al., arXiv 2506.21545): of a sorted order, L passes take the entries
    0, L, 2L, …; then 1, L+1, …; to L-1, 2L-1, …. DELT sorts by a score first; here the order as it comes is the
    ranking, as in `sort[by=loss] | fold`. Three passes, the default, are those of DELT's example.

    The stage of an entry is its pass (from 0), in place of what it was; the score stays with it. Step ends are
    dropped, since entries move one by one.
    """

    zigzag = False


class Zigzag(Folding):
    """Like `fold`, but every second pass runs backwards: the range is swept up and down, without a jump.

    Zig-zag Ordering (Dai et al., arXiv 2605.30334, and the code that goes with it): the second, fourth, … pass of
    Folding Ordering is reversed.

    The stage of an entry is its pass (from 0), in place of what it was; the score stays with it. Step ends are
    dropped, since entries move one by one.
    """

    zigzag = True
