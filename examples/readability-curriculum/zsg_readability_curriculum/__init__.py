"""A curriculum for zsg-harness: from texts that read easily to texts that read hard."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from zsg_readability_curriculum.formulas import FORMULAS, count
from zsg_registry import ArrangeContext, Arrangement, Order, Parameters, View


class Readability(Arrangement):
    """From texts that read easily to texts that read hard, by Flesch's reading ease.

    With a budget below the pool's size the easiest are taken, which is a selection beside an order. `sample = true`
    draws the budget by chance and then sorts it: what is left is the order alone. Texts without words come last.
    """

    api_version = 1
    revision = 1
    examples = ("readability", "readability[formula=ari,sample=true]", "readability[view=prompt,hardest_first=true]")

    class Params(Parameters):
        """What is read, and by which formula."""

        formula: Literal["flesch", "kincaid", "ari"] = "flesch"
        """Flesch's reading ease, the Flesch-Kincaid grade, or the automated readability index."""
        view: View = "both"
        """The part of an example that is read: "prompt", "completion", "both" or "instruction"."""
        hardest_first: bool = False
        """The other way round."""
        sample: bool = False
        """Draw the budget by chance instead of taking the first of the sorted pool."""

    params: Params

    @property
    def stochastic(self) -> bool:
        """Only a draw depends on the seed."""
        return self.params.sample

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by difficulty; equally difficult texts stay in the pool's order."""
        formula = FORMULAS[self.params.formula]
        counts = [count(text) for text in context.texts("pool", self.params.view)]
        difficulty = np.array([formula(each) if each.words else math.nan for each in counts])
        chosen = np.arange(len(difficulty))
        if self.params.sample:
            chosen = np.sort(context.rng("sample").permutation(chosen)[: context.budget])
        keys = difficulty[chosen] * (-1 if self.params.hardest_first else 1)
        order = chosen[np.argsort(keys, kind="stable")]  # NaN, which is no text, goes last in both directions
        return Order(order, scores=difficulty[order]).head(context.budget)
