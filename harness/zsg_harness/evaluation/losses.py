"""The loss of each example, independent of what it is batched with."""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.batches import collate, token_budget
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.memory import MemoryBudget
from zsg_harness.training.world import World


@torch.no_grad()
def example_losses(
    lm: CausalLM, encoded: Encoded, batch_tokens: int, world: World | None = None
) -> NDArray[np.float64]:
    """The mean loss over each example's label tokens, in float32 arithmetic whatever the training uses.

    Args:
        lm: The model, in evaluation mode.
        encoded: n examples.
        batch_tokens: Tokens per forward pass, padding included. The buckets depend on lengths alone, so that the
            losses are the same, however many processes share them out.
        world: Who shares the buckets out, and calls this with the same arguments.

    Returns:
        float64 `[n]`; NaN where an example has no label.
    """
    world = world or World()
    rows = np.flatnonzero(encoded.label_counts > 0)
    buckets = list(token_budget(encoded.lengths, rows, batch_tokens, packed=lm.packed))
    own = buckets[world.rank :: world.size]
    memory = MemoryBudget(batch_tokens)
    if lm.sharded:  # all must make as many passes
        own += buckets[:1] * (math.ceil(len(buckets) / world.size) - len(own))
    measured = [memory.run(partial(_losses, lm, encoded, bucket)) for bucket in own]
    losses = np.full(len(encoded), np.nan)
    for found, values in world.gather((own, measured)):
        for bucket, part in zip(found, values, strict=True):
            losses[bucket] = part
    return losses


def _losses(lm: CausalLM, encoded: Encoded, bucket: NDArray[np.int64], tokens: int) -> NDArray[np.float64]:
    """The losses of a bucket, in as many parts as the tokens ask for."""
    parts = []
    for rows in token_budget(encoded.lengths, bucket, tokens, packed=lm.packed):
        batch = collate(encoded, rows, lm.device, packed=lm.packed)
        each = lm.answer_losses(batch).double()
        sums = torch.zeros(len(rows), dtype=torch.float64, device=lm.device).index_add_(0, batch.owners, each)
        parts.append(sums.cpu().numpy() / encoded.label_counts[rows])
    return np.concatenate(parts)
