"""Length-matched: is an order's effect more than an effect of lengths?"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from zsg_plugins.length_classes import length_classes
from zsg_registry import ArrangeContext, Need, Order, Parameters, Transform


class LengthMatched(Transform):
    """The order with lengths as in a random one: short and long examples come as in `shuffle`, else all is kept.

    Orders often go with length, so that early steps have fewer or more tokens than late ones. This control takes that
    away: if an order's effect is one of length alone, it is gone here. It is this project's own.

    The entries are put into classes of length. The classes come one after the other as those of the entries of
    `shuffle` at the same place of the pipe and with the same seed, and each place is filled with the next entry, in
    the order as it comes, of its class. So with these two controls each step has the same number of examples of each
    class, and inside a class the order is untouched. More classes match lengths more closely and change the order
    more. Stage and score stay with their entries. Step ends are dropped, since the batches they cut are no more.
    """

    stochastic = True
    needs = frozenset({Need.TOKENIZER})

    class Params(Parameters):
        """How closely lengths are matched."""

        classes: int = Field(default=50, ge=2)
        """How many classes of length, of about equally many entries, at most. Equal lengths are of one class."""

    params: Params

    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """Fill the shuffled order's sequence of classes with the entries of each class in their order."""
        classes = length_classes(context.lengths("pool")[order.indices], self.params.classes)
        wanted = classes[context.rng().permutation(len(order))]
        positions = np.empty(len(order), dtype=np.int64)
        positions[np.argsort(wanted, kind="stable")] = np.argsort(classes, kind="stable")
        return order.take(positions)
