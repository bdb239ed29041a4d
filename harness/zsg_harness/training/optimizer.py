"""The optimizer and its learning rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from zsg_harness.matrix.schema import TrainingTable
from zsg_registry import ZsgError


def make_optimizer(
    parameters: Sequence[torch.nn.Parameter], settings: TrainingTable, device: torch.device
) -> torch.optim.Optimizer:
    """The optimizer that the settings name.

    Raises:
        ZsgError: It cannot run on this device.
    """
    options: dict[str, Any] = {
        "lr": settings.learning_rate,
        "betas": settings.betas,
        "eps": settings.epsilon,
        "weight_decay": settings.weight_decay,
    }
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(parameters, fused=True, **options)
    if device.type == "cpu":
        raise ZsgError(f"optimizer {settings.optimizer!r} needs a GPU: use 'adamw' here")
    try:
        import bitsandbytes
    except ImportError:
        raise ZsgError(
            f"optimizer {settings.optimizer!r} needs bitsandbytes: pip install 'zsg-harness[bits]'"
        ) from None
    made: torch.optim.Optimizer
    if settings.optimizer == "adamw-8bit":
        made = bitsandbytes.optim.AdamW8bit(parameters, **options)
    else:
        made = bitsandbytes.optim.PagedAdamW8bit(parameters, **options)
    return made


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
    """A factory of the context a forward pass runs in.

    Raises:
        ZsgError: The device has no such arithmetic.
    """
    if precision == "float32":
        return nullcontext
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        name = torch.cuda.get_device_name(device)
        raise ZsgError(f"precision 'bfloat16': {name} has no bfloat16 arithmetic; use 'float32'")
    return lambda: torch.autocast(device.type, dtype=torch.bfloat16)
