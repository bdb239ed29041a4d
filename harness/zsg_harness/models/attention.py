"""Attention for sequences that are laid end to end: nothing is padded, and none sees another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import accumulate
from typing import Any, Final

import torch
import torch.nn.functional as F  # noqa: N812

_NAME: Final = "zsg-packed"
_SHORT: Final = 256
"""Up to so many tokens the CPU's kernel is faster in single than in half precision, above all on the way back."""


def packed_attention(model: Any) -> AbstractContextManager[None]:
    """Let a transformers model attend within each sequence of a packed row.

    Outside of this the model attends as it was loaded to: generation and other people's code know of no packing.
    """
    from transformers import AttentionInterface

    AttentionInterface.register(_NAME, _attend)
    return attending_by(model, _NAME)


@contextmanager
def attending_by(model: Any, implementation: str) -> Iterator[None]:
    """Let a transformers model attend by one of its implementations for a while."""
    usual = model.config._attn_implementation
    model.config._attn_implementation = implementation
    try:
        yield
    finally:
        model.config._attn_implementation = usual


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    sequence_lengths: Sequence[int],
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Causal attention of each sequence to itself, in the form of transformers' attention interface.

    Args:
        module: The layer.
        query: `[1, heads, total, width]`.
        key: The same, of as many heads or a divisor of that.
        value: Like `key`.
        attention_mask: None: where sequences end is told by their lengths.
        sequence_lengths: Tokens of each sequence; they add up to `total`.
        scaling: What products are multiplied with.
        dropout: Share of the weights that is dropped.
        sliding_window: Not supported.
        softcap: Not supported.
        others: What some models hand over for other implementations.

    Returns:
        `[1, total, heads, width]`, and no weights.

    Raises:
        ValueError: The model attends in a way that this does not.
    """
    if attention_mask is not None or sliding_window is not None or softcap is not None:
        raise ValueError("packed sequences cannot be attended to with a mask, a sliding window or capped products")
    if query.is_cuda and query.dtype != torch.float32 and dropout == 0:
        return _with_kernel(query, key, value, sequence_lengths, scaling), None
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    parts = zip(*(states.split(list(sequence_lengths), dim=2) for states in (query, key, value)), strict=True)
    attended = [_alone(q, k, v, scaling, dropout) for q, k, v in parts]
    return torch.cat(attended, dim=2).transpose(1, 2), None


def _alone(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, scaling: float | None, dropout: float
) -> torch.Tensor:
    """The same for one sequence, `[1, heads, length, width]`."""
    attend = partial(F.scaled_dot_product_attention, is_causal=True, scale=scaling, dropout_p=dropout)
    if value.is_cuda or value.dtype == torch.float32 or value.shape[2] > _SHORT:
        return attend(query, key, value)
    with torch.autocast(value.device.type, enabled=False):
        return attend(query.float(), key.float(), value.float()).to(value.dtype)


def _with_kernel(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, lengths: Sequence[int], scaling: float | None
) -> torch.Tensor:
    """The same by flash attention's kernel for sequences of any lengths, which runs on GPUs in half precision."""
    from torch.nn.attention.varlen import varlen_attn

    ends = torch.tensor([0, *accumulate(lengths)], dtype=torch.int32, device=query.device)
    longest = max(lengths)
    q, k, v = (states.squeeze(0).transpose(0, 1) for states in (query, key, value))
    attended = varlen_attn(
        q,
        k,
        v,
        ends,
        ends,
        longest,
        longest,
        scale=scaling,
        window_size=(-1, 0),  # causal
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(attended, torch.Tensor)
    return attended.unsqueeze(0)
