"""The loss of each example, independent of what it is batched with."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.evaluation.buckets import Rows, in_buckets
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.batches import collate
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.world import World


@torch.no_grad()
def example_losses(
    lm: CausalLM, encoded: Encoded, batch_tokens: int, world: World | None = None
) -> NDArray[np.float64]:
    """The mean loss over each example's label tokens, in float32 arithmetic whatever the training uses.

    Args:
        lm: The model, in evaluation mode.
        encoded: n examples.
        batch_tokens: Tokens per forward pass, padding included.
        world: Who shares the work, and calls this with the same arguments.

    Returns:
        float64 `[n]`; NaN where an example has no label.
    """

    def measure(rows: Rows) -> NDArray[np.float64]:
        batch = collate(encoded, rows, lm.device, packed=lm.packed)
        each = lm.answer_losses(batch).double()
        sums = torch.zeros(len(rows), dtype=torch.float64, device=lm.device).index_add_(0, batch.owners, each)
        means: NDArray[np.float64] = sums.cpu().numpy() / encoded.label_counts[rows]
        return means

    losses = np.full(len(encoded), np.nan)
    labelled = np.flatnonzero(encoded.label_counts > 0)
    world = world or World()
    for rows, means in in_buckets(lm, encoded.lengths, labelled, batch_tokens, world, measure, packed=lm.packed):
        losses[rows] = means
    return losses
