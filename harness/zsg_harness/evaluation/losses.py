"""The loss of each example, independent of what it is batched with."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.training.batches import collate, token_budget
from zsg_harness.training.encoding import Encoded


@torch.no_grad()
def example_losses(lm: CausalLM, encoded: Encoded, batch_tokens: int) -> NDArray[np.float64]:
    """The mean loss over each example's label tokens, in float32 arithmetic whatever the training uses.

    Args:
        lm: The model, in evaluation mode.
        encoded: n examples.
        batch_tokens: Tokens per forward pass, padding included. The buckets depend on lengths alone.

    Returns:
        float64 `[n]`; NaN where an example has no label.
    """
    losses = np.full(len(encoded), np.nan)
    counts = encoded.label_counts
    for rows in token_budget(encoded.lengths, np.flatnonzero(counts > 0), batch_tokens):
        batch = collate(encoded, rows, lm.device)
        each, row = lm.answer_losses(batch.input_ids, batch.is_label)
        sums = torch.zeros(len(rows), dtype=torch.float64, device=lm.device).index_add_(0, row, each.double())
        losses[rows] = sums.cpu().numpy() / counts[rows]
    return losses
