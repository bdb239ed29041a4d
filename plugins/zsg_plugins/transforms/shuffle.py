"""Shuffle: the control that tells what an order adds to its selection."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from zsg_registry import ArrangeContext, Order, Parameters, Transform


class Shuffle(Transform):
    """The same examples in random order: the matched-set control of the arrangement before it.

    Stage and score stay with their entries. Where the order says where its steps end, they end there still: the
    control takes as many steps, of the same sizes. With `unit=step` the batches are kept and come in random order.
    """

    stochastic = True

    class Params(Parameters):
        """What is shuffled."""

        unit: Literal["example", "step"] = "example"
        """Examples; or optimizer steps, each with its examples in their order (for orders that make their own
        batches, such as `commonit`)."""

    params: Params

    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """A random permutation of the entries or of the steps."""
        if self.params.unit == "example":
            return replace(order.take(context.rng().permutation(len(order))), steps=order.steps)
        lengths = np.diff(order.step_ends(context.batch_size), prepend=0)
        drawn = context.rng().permutation(len(lengths))
        place = np.argsort(drawn)  # of each step in the new order
        positions = np.argsort(np.repeat(place, lengths), kind="stable")
        return replace(order.take(positions), steps=np.cumsum(lengths[drawn]))
