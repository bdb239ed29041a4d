"""Whether a cell's receipt is of its order: each step consumed exactly its slice, and every table counts the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from zsg_registry import OrderFile, order_hash, set_hash

if TYPE_CHECKING:
    import pyarrow as pa


def receipt_faults(
    order: OrderFile, batch_size: int, status: Mapping[str, Any], tables: Mapping[str, pa.Table]
) -> Iterator[tuple[str, str]]:
    """What is wrong, as the name of a table and a reason.

    Args:
        order: What was planned.
        batch_size: Examples of a step, where the order does not say.
        status: The attempt's `status.json`.
        tables: Its `receipt`, `train` and `scores`.
    """
    ends = order.order.step_ends(batch_size)
    hashes = {"set_hash": set_hash(order.ids), "order_hash": order_hash(order.ids, ends.tolist())}
    for name, found in hashes.items():
        if status.get(name) != found:
            yield "order", f"its {name} is {found}, and status.json says {status.get(name)}"
    sizes = np.diff(ends, prepend=0)
    yield from (("receipt", reason) for reason in _consumed_otherwise(tables["receipt"], order.ids, sizes))
    yield from _counted_otherwise(tables["train"], tables["scores"], len(sizes), status)


def _consumed_otherwise(receipt: pa.Table, ids: tuple[str, ...], sizes: NDArray[np.int64]) -> Iterator[str]:
    """How the examples and the step sizes of a receipt differ from the planned ones."""
    if receipt["position"].to_pylist() != list(range(receipt.num_rows)):
        yield "its positions are not 0, 1, 2, …"
    consumed = receipt["example_id"].to_pylist()
    if len(consumed) != len(ids):
        yield f"it has {len(consumed):,} examples, and the order {len(ids):,}"
    for position, (mine, planned) in enumerate(zip(consumed, ids, strict=False)):
        if mine != planned:
            yield f"position {position} consumed {mine!r}, and the order has {planned!r} there"
            break
    numbers, counts = np.unique(receipt["step"].to_numpy(), return_counts=True)
    if not np.array_equal(numbers, np.arange(1, len(sizes) + 1)):
        yield f"it has {len(numbers):,} steps, and the order {len(sizes):,}"
    for step, mine, planned in zip(numbers.tolist(), counts.tolist(), sizes.tolist(), strict=False):
        if mine != planned:
            yield f"step {step} consumed {mine:,} examples, and the order gives it {planned:,}"
            break


def _counted_otherwise(
    train: pa.Table, scores: pa.Table, steps: int, status: Mapping[str, Any]
) -> Iterator[tuple[str, str]]:
    """How the steps and tokens of the other tables differ from each other and from the status."""
    if train["step"].to_pylist() != list(range(1, steps + 1)):
        yield "train", f"its steps are not 1 to {steps:,}"
        return
    tokens = np.concatenate([[0], np.cumsum(train["tokens"].to_numpy())])
    if status.get("tokens") != tokens[-1]:
        yield "train", f"its steps have {tokens[-1]:,} tokens, and status.json says {status.get('tokens')}"
    scored = scores["step"].to_numpy()
    if not set(scored.tolist()) <= set(range(steps + 1)):
        yield "scores", f"a step of it is not one of 0 to {steps:,}"
    elif not np.array_equal(scores["tokens"].to_numpy(), tokens[scored]):
        yield "scores", "its tokens are not those that train.parquet counts up to each step"
