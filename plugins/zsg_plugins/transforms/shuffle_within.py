"""Shuffle within, and jitter: entries change places with their neighbours only."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_registry import ArrangeContext, Order, Parameters, Transform, ZsgError


class ShuffleWithin(Transform):
    """Each stage of the order shuffled, in its place: what does the order inside a stage do?

    A stage is a run of consecutive entries with the same stage number; one that comes back later is a run of its own.
    Every position keeps its stage, so that step ends are kept too: a step of a single group remains one.

    Raises:
        ZsgError: The order has no stages.
    """

    stochastic = True

    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """A random permutation of each run."""
        if order.stages is None:
            raise ZsgError(
                "shuffle-within: the order before it has no stages; jitter[window=n] shuffles every n entries"
            )
        runs = np.cumsum(np.diff(order.stages, prepend=order.stages[:1]) != 0)
        return replace(order.take(_shuffled(runs, context)), steps=order.steps)


class Jitter(Transform):
    """Every `window` consecutive entries shuffled: the trend stays, neighbours are mixed.

    Jittering Ordering, JIT (Dai et al., arXiv 2605.30334, and the code that goes with it). The windows are disjoint,
    the first one begins with the order, and the last one may be shorter; so an entry moves by less than `window`
    places. A window that divides the batch size leaves every step with the examples it had. Stage and score stay with
    their entries. Step ends are dropped, since the batches they cut are no more.
    """

    examples = ("jitter[window=64]",)

    stochastic = True

    class Params(Parameters):
        """How far."""

        window: int = Field(ge=2)
        """How many consecutive entries change places with each other."""

    params: Params

    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """A random permutation of each window."""
        return order.take(_shuffled(np.arange(len(order)) // self.params.window, context))


def _shuffled(runs: NDArray[np.int64], context: ArrangeContext) -> NDArray[np.int64]:
    """Positions, int64 `[n]`, that permute each run at random; `runs` numbers them, ascending, int64 `[n]`."""
    shuffled = context.rng().permutation(len(runs))
    return shuffled[np.argsort(runs[shuffled], kind="stable")]
