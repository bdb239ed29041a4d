"""Grouping examples of like length, and laying a group out as a model reads it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.tokens.encoding import Encoded


class Batch(NamedTuple):
    """Examples as a model reads them, and where in it their labels are predicted.

    A place is a position in `input_ids` when that is flattened.

    Attributes:
        rows: int64 `[b]`, which examples they are.
        input_ids: long `[b, t]`, padded on the right; or, packed, `[1, total]`: one example behind the other.
        position_ids: long `[1, total]` where it is packed, else None.
        lengths: Tokens of each example.
        places: long `[k]`, where each of the k labels is predicted: the place before its own.
        targets: long `[k]`, the labels.
        owners: long `[k]`, whose label it is, as a position in `rows`; ascending.
    """

    rows: NDArray[np.int64]
    input_ids: torch.Tensor
    position_ids: torch.Tensor | None
    lengths: list[int]
    places: torch.Tensor
    targets: torch.Tensor
    owners: torch.Tensor


def token_budget(
    lengths: NDArray[np.int64], rows: NDArray[np.int64], budget: int, *, packed: bool = False, most: int | None = None
) -> Iterator[NDArray[np.int64]]:
    """Split `rows` into groups of like length, longest first, with at most `budget` tokens each.

    A row that is longer than the budget is a group of its own. The groups depend on the lengths alone; rows of equal
    length keep their order.

    Args:
        lengths: Tokens of every row.
        rows: Which rows.
        budget: Tokens of a group: with the padding, unless they are packed.
        packed: Whether groups are laid out without padding.
        most: Rows of a group, at most.
    """
    ordered = rows[np.argsort(-lengths[rows], kind="stable")]
    totals = np.concatenate([[0], np.cumsum(lengths[ordered])])
    start = 0
    while start < len(ordered):
        if packed:
            size = int(np.searchsorted(totals, totals[start] + budget, side="right")) - 1 - start
        else:
            size = budget // max(1, int(lengths[ordered[start]]))
        size = max(1, min(size, most or len(ordered)))
        yield ordered[start : start + size]
        start += size


def collate(encoded: Encoded, rows: NDArray[np.int64], device: torch.device, *, packed: bool) -> Batch:
    """Lay out some examples, padded on the right to the longest of them or one behind the other.

    Padding needs no attention mask in a causal model: no real token attends to what stands behind it. Its token id is
    0, whatever that means to the tokenizer, and it is never a label.
    """
    lengths = encoded.lengths[rows]
    owner = np.repeat(np.arange(len(rows)), lengths)
    position = np.arange(lengths.sum()) - (np.cumsum(lengths) - lengths)[owner]
    source = encoded.offsets[rows][owner] + position
    tokens = encoded.tokens[source].astype(np.int64)
    labels = np.flatnonzero(encoded.is_label[source])
    if packed:
        input_ids, places = tokens[None], labels - 1
    else:
        input_ids = np.zeros((len(rows), lengths.max(initial=0)), dtype=np.int64)
        input_ids[owner, position] = tokens
        places = (owner * input_ids.shape[1] + position - 1)[labels]
    there = [torch.from_numpy(array).to(device) for array in (input_ids, places, tokens[labels], owner[labels])]
    position_ids = torch.from_numpy(position[None]).to(device) if packed else None
    return Batch(rows, there[0], position_ids, lengths.tolist(), *there[1:])
