"""Head: only the beginning."""

from __future__ import annotations

from pydantic import Field

from zsg_registry import ArrangeContext, Order, Parameters, Transform


class Head(Transform):
    """The first n entries of the order, or all where it has fewer. The step that the cut falls into ends there."""

    examples = ("head[n=1000]",)

    class Params(Parameters):
        """How much to keep."""

        n: int = Field(ge=1)
        """How many entries."""

    params: Params
    may_underfill = True

    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """Cut the order."""
        return order.head(self.params.n)
