"""Sort: a curriculum by one number per example."""

from __future__ import annotations

from zsg_plugins.arrangements.scores import Scored
from zsg_registry import ArrangeContext, Order


class Sort(Scored):
    """The pool sorted by length, base-model loss, perplexity, IFD, or by scores from a file.

    Curriculum learning (Bengio et al., 2009) with the measures in use for instruction data; `ifd` is the selection of
    Li et al. (arXiv 2308.12032). Equal scores: in pool order.
    """

    examples = (
        "sort[by=loss,direction=descending]",
        "sort[by=ifd]",
    )

    def arrange(self, context: ArrangeContext) -> Order:
        """The beginning of the ranking."""
        return self.ranked(context).head(context.budget)
