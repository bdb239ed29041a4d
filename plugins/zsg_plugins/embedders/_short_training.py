"""A short training on the pool, for embedders that look at what training does to a model."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from zsg_registry import ExampleSet, ModelHandle

if TYPE_CHECKING:
    import torch

Batch = dict[str, Any]
"""`input_ids`, `attention_mask` and `labels`, as `ModelHandle.encode` gives them."""

BETAS: Final = (0.9, 0.999)
EPSILON: Final = 1e-8
_CLIP: Final = 1.0


def train(
    handle: ModelHandle,
    parameters: Sequence[torch.nn.Parameter],
    pool: ExampleSet,
    rng: np.random.Generator,
    *,
    steps: int,
    batch_size: int,
    rate: Callable[[int], float],
) -> Iterator[torch.optim.Adam]:
    """Train a model in place by Adam, on batches of the pool in random order, again and again if it is small.

    Args:
        handle: A model of one's own.
        parameters: What of it is trained.
        pool: The examples.
        rng: Draws their order.
        steps: Optimizer steps.
        batch_size: Examples of each.
        rate: The learning rate of a step, counted from 0.

    Yields:
        The optimizer, after each step.
    """
    import torch

    optimizer = torch.optim.Adam(parameters, betas=BETAS, eps=EPSILON)
    rows = _rows(len(pool), rng)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate(step)
        batches = list(handle.encode(pool.take([next(rows) for _ in range(min(batch_size, len(pool)))])))
        labels = max(1, sum(int((batch["labels"] != -100).sum()) for batch in batches))
        for batch in batches:
            (label_losses(handle.model, batch)[0].sum() / labels).backward()
        torch.nn.utils.clip_grad_norm_(parameters, _CLIP)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield optimizer


def label_losses(model: Any, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss of every label of a batch, `[k]`, and whose label it is, long `[k]`."""
    import torch

    targets = batch["labels"][:, 1:]
    is_label = targets != -100
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
    chosen = logits[:, :-1][is_label]
    chosen = chosen.to(torch.promote_types(chosen.dtype, torch.float32))
    losses = torch.nn.functional.cross_entropy(chosen, targets[is_label], reduction="none")
    return losses, is_label.nonzero()[:, 0]


def example_losses(model: Any, batch: Batch) -> torch.Tensor:
    """The mean loss over each example's labels, `[b]`; not a number where it has none."""
    losses, owners = label_losses(model, batch)
    sums = losses.new_zeros(len(batch["labels"])).index_add(0, owners, losses)
    counts = losses.new_zeros(len(batch["labels"])).index_add(0, owners, losses.new_ones(len(losses)))
    return sums / counts


def _rows(count: int, rng: np.random.Generator) -> Iterator[int]:
    """All rows in random order, then all of them in another."""
    while True:
        order: NDArray[np.int64] = rng.permutation(count)
        yield from order.tolist()
