"""The optimizer's loop: step t consumes exactly the t-th slice of the order."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from zsg_harness.matrix.schema import TrainingTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.training.batches import collate, token_budget
from zsg_harness.training.encoding import Encoded
from zsg_registry import ZsgError


class StepRecord(NamedTuple):
    """What one optimizer step did.

    Attributes:
        step: Counted from 1.
        consumed: int64, the rows of the pool that went through the model, grouped by length.
        loss: Mean over the batch's label tokens, before the update.
        learning_rate: Of this update.
        gradient_norm: Before clipping.
        tokens: Tokens consumed, without padding.
    """

    step: int
    consumed: NDArray[np.int64]
    loss: float
    learning_rate: float
    gradient_norm: float
    tokens: int


def train(
    lm: CausalLM,
    pool: Encoded,
    steps: list[NDArray[np.int64]],
    settings: TrainingTable,
    micro_batch_tokens: int,
) -> Iterator[StepRecord]:
    """Fine-tune a model in place, yielding after every optimizer step.

    A step's examples are regrouped by length into micro-batches. The gradient stays that of the batch: each
    micro-batch adds its *sum* of losses divided by the label count of the whole batch.

    Args:
        lm: The model. All its parameters are trained.
        pool: The encoded pool.
        steps: For each optimizer step the rows of the pool it consumes, in training order.
        settings: Optimizer and schedule.
        micro_batch_tokens: Tokens per forward pass, padding included.

    Raises:
        ZsgError: The loss or the gradient is not finite, or a step has no label at all.
    """
    parameters = [parameter for parameter in lm.model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(
        parameters,
        lr=settings.learning_rate,
        betas=settings.betas,
        eps=settings.epsilon,
        weight_decay=settings.weight_decay,
        fused=True,
    )
    rate = learning_rates(settings, len(steps))
    autocast = autocast_for(lm.device, settings.precision)
    for number, rows in enumerate(steps, start=1):
        lm.model.train(settings.dropout)
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate(number)
        loss, consumed = _accumulate(lm, pool, rows, micro_batch_tokens, autocast)
        norm = float(torch.nn.utils.clip_grad_norm_(parameters, settings.clip))
        if not (math.isfinite(loss) and math.isfinite(norm)):
            raise ZsgError(f"the training loss is {loss} and the gradient norm {norm} at step {number}")
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        lm.model.eval()
        yield StepRecord(
            step=number,
            consumed=consumed,
            loss=loss,
            learning_rate=optimizer.param_groups[0]["lr"],
            gradient_norm=norm,
            tokens=int(pool.lengths[rows].sum()),
        )


def learning_rates(settings: TrainingTable, steps: int) -> Callable[[int], float]:
    """The share of the peak rate at each step, counted from 1.

    Linear warm-up over `warmup` steps; then constant, or a cosine from 1 to `final_rate` at the last step.
    """

    def rate(step: int) -> float:
        if step <= settings.warmup:
            return step / settings.warmup
        if settings.schedule == "constant":
            return 1.0
        progress = (step - settings.warmup - 1) / max(1, steps - settings.warmup - 1)
        return settings.final_rate + (1 - settings.final_rate) * 0.5 * (1 + math.cos(math.pi * progress))

    return rate


def autocast_for(device: torch.device, precision: str) -> Callable[[], AbstractContextManager[object]]:
    """A factory of the context a forward pass runs in."""
    if precision == "float32":
        return nullcontext
    return lambda: torch.autocast(device.type, dtype=torch.bfloat16)


def _accumulate(
    lm: CausalLM,
    pool: Encoded,
    rows: NDArray[np.int64],
    micro_batch_tokens: int,
    autocast: Callable[[], AbstractContextManager[object]],
) -> tuple[float, NDArray[np.int64]]:
    """Add the batch's gradient to the parameters; returns its mean loss per label token, and what was consumed."""
    labels = int(pool.label_counts[rows].sum())
    if labels == 0:
        raise ZsgError("a training batch has no label: every answer in it was cut away")
    total = torch.zeros((), dtype=torch.float64)
    consumed: list[NDArray[np.int64]] = []
    for micro in token_budget(pool.lengths, rows, micro_batch_tokens):
        batch = collate(pool, micro, lm.device)
        with autocast():
            losses, _ = lm.answer_losses(batch.input_ids, batch.is_label)
        (losses.sum() / labels).backward()
        total += losses.detach().double().sum().cpu()
        consumed.append(batch.rows)
    return float(total) / labels, np.concatenate(consumed)
