"""How many operations there are to do, and how many a second a device does at best."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np
import torch
from measuring import seconds, wait_for

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.tokens.encoding import Encoded


def executed_flops(lm: CausalLM, encoded: Encoded) -> float:
    """Floating-point operations of a training step's products on some examples, as far as they must be done.

    Two per weight and token forward, four backward; the head's only where there is a label; of attention the half that
    is not masked.
    """
    model, lengths = lm.model, encoded.lengths.astype(np.float64)
    head, embedding = (part().weight for part in (model.get_output_embeddings, model.get_input_embeddings))
    outside = {id(head): head.numel(), id(embedding): embedding.numel()}
    body = sum(parameter.numel() for parameter in model.parameters()) - sum(outside.values())
    attention = 12 * model.config.num_hidden_layers * model.config.hidden_size * float((lengths**2).sum()) / 2
    return 6.0 * body * float(lengths.sum()) + 6.0 * head.numel() * float(encoded.label_counts.sum()) + attention


def product_speed(sizes: Iterable[int], device: torch.device, dtype: torch.dtype = torch.float32) -> float:
    """Operations a second of the fastest product of square matrices of several sizes."""
    speeds = []
    for size in sizes:
        left, right = torch.randn(2, size, size, device=device).to(dtype)
        multiply = partial(_multiply, left, right)
        multiply()
        speeds.append(2 * size**3 / min(seconds(multiply) for _ in range(3)))
    return max(speeds)


def _multiply(left: torch.Tensor, right: torch.Tensor) -> None:
    torch.mm(left, right)
    wait_for(left.device)
