"""What of a model is trained: all of it, or low-rank adapters."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

import torch

from zsg_harness.matrix.schema import LoraTable, RunTable, TrainingTable
from zsg_harness.models.attention import attending_by
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.training.random_state import seed_training
from zsg_harness.training.sharding import shard
from zsg_harness.training.world import World
from zsg_registry import ZsgError


def make_trainable(lm: CausalLM, settings: TrainingTable, run: RunTable, seed: int, world: World) -> None:
    """Make a base model what the settings want to train. Seeds what adapters and dropout draw from.

    Raises:
        ZsgError: Something is not installed, or the model cannot be trained so.
    """
    if not settings.dropout:
        _without_dropout(lm.model)
    seed_training(seed, 0)  # adapters begin alike in every process
    if settings.lora is not None:
        _add_lora(lm.model, settings.lora)
    if run.gradient_checkpointing:
        options: dict[str, Any] = {"use_reentrant": False}
        if not run.compile:  # a compiled model is never packed, and could not enter the contexts
            options["context_fn"] = partial(_passes, lm.model)
        lm.model.gradient_checkpointing_enable(gradient_checkpointing_kwargs=options)
    if run.compile:
        lm.compile()
    if run.shard and world.size > 1:
        shard(lm, world)
    seed_training(seed, world.rank)


def _passes(model: Any) -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
    """Contexts of a checkpoint's two passes: the second comes with the gradient, and attends as the first did."""
    return nullcontext(), attending_by(model, model.config._attn_implementation)


def _add_lora(model: Any, table: LoraTable) -> None:
    """Freeze a transformers model and give its layers low-rank adapters, which start as no change at all.

    Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (arXiv 2106.09685), by peft.

    Raises:
        ZsgError: The model has no such layers.
    """
    from peft import LoraConfig

    config = LoraConfig(
        r=table.rank,
        lora_alpha=table.alpha,
        lora_dropout=table.dropout,
        target_modules=table.targets,
        task_type="CAUSAL_LM",
    )
    try:
        model.add_adapter(config)
    except ValueError as error:
        raise ZsgError(f"training.lora: {' '.join(str(error).split())[:200]}") from None
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)


def _without_dropout(model: torch.nn.Module) -> None:
    """Set every dropout of a model to 0, so that it may be in training mode and stay deterministic."""
    for module in model.modules():
        for name, value in vars(module).items():
            if isinstance(value, float) and ("drop" in name or (isinstance(module, torch.nn.Dropout) and name == "p")):
                setattr(module, name, 0.0)
