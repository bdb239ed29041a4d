"""Grouping examples of like length, so that little padding is computed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.training.encoding import Encoded


class Batch(NamedTuple):
    """Right-padded examples on a device.

    Attributes:
        rows: int64 `[b]`, which examples they are.
        input_ids: long `[b, t]`.
        is_label: bool `[b, t]`.
    """

    rows: NDArray[np.int64]
    input_ids: torch.Tensor
    is_label: torch.Tensor


def token_budget(lengths: NDArray[np.int64], rows: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Split `rows` into groups of like length, longest first, with at most `budget` tokens each, padding included.

    A row that is longer than the budget is a group of its own. The groups depend on the lengths alone; rows of equal
    length keep their order.
    """
    ordered = rows[np.argsort(-lengths[rows], kind="stable")]
    start = 0
    while start < len(ordered):
        size = max(1, budget // max(1, int(lengths[ordered[start]])))
        yield ordered[start : start + size]
        start += size


def collate(encoded: Encoded, rows: NDArray[np.int64], device: torch.device) -> Batch:
    """Pad rows on the right to the longest of them.

    The padding needs no attention mask in a causal model: no real token attends to what stands behind it. Its token
    id is 0, whatever that means to the tokenizer, and it is never a label.
    """
    longest = int(encoded.lengths[rows].max())
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    labels = np.zeros((len(rows), longest), dtype=np.bool_)
    for i, row in enumerate(rows):
        tokens, is_label = encoded.example(int(row))
        ids[i, : len(tokens)] = tokens
        labels[i, : len(tokens)] = is_label
    return Batch(rows, torch.from_numpy(ids).to(device), torch.from_numpy(labels).to(device))
