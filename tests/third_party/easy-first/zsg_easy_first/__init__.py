"""A third party's arrangement. It depends on the registry alone."""

import os
from pathlib import Path

import numpy as np

from zsg_registry import ArrangeContext, Arrangement, Order, Parameters

# Lets a test see whether this module was imported.
if "ZSG_EASY_FIRST_MARKER" in os.environ:
    Path(os.environ["ZSG_EASY_FIRST_MARKER"]).touch()


class EasyFirst(Arrangement):
    """Short prompts first."""

    class Params(Parameters):
        """What short means."""

        words: bool = False
        """Count words instead of characters."""

    params: Params

    def arrange(self, context: ArrangeContext) -> Order:
        """Sort by the prompt's length; equally long prompts stay in pool order."""
        prompts = context.texts("pool", "prompt")
        lengths = np.array([len(prompt.split()) if self.params.words else len(prompt) for prompt in prompts])
        order = np.argsort(lengths, kind="stable")
        return Order(order, scores=lengths[order]).head(context.budget)
