"""Keeping a trained model: its weights or its adapter, its tokenizer, and where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch

from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.plan.cell import Cell


def save_model(
    folder: Path,
    lm: CausalLM,
    weights: dict[str, torch.Tensor] | None,
    cell: Cell,
    hashes: Mapping[str, str],
    scores: Mapping[str, float],
) -> None:
    """Write a model as `from_pretrained` reads it, in safetensors, with a card.

    Args:
        folder: Where to.
        lm: The trained model; of one with an adapter, the adapter alone is written.
        weights: The state dict, where the model itself has only parts of its weights.
        cell: What it was trained for.
        hashes: Of its order.
        scores: Means over unseen tasks at the end.
    """
    for config in getattr(lm.model, "peft_config", {}).values():
        # As the matrix names it, and not where this machine has it.
        config.base_model_name_or_path, config.revision = cell.model.use, cell.model.revision
    lm.model.save_pretrained(folder, state_dict=weights)
    lm.tokenizer.save_pretrained(folder)
    (folder / "README.md").write_text(
        _card(cell, {**hashes, **{name: f"{value:.4f}" for name, value in scores.items()}}), encoding="utf-8"
    )


def _card(cell: Cell, facts: dict[str, str]) -> str:
    labels = {name: value for name, value in cell.labels.model_dump().items() if value is not None}
    rows = {**labels, "seeds": ", ".join(cell.seed_names), "cell": cell.cell_id, "training": cell.training_id, **facts}
    settings = cell.training.model_dump(exclude_none=True)
    lines = [
        "---",
        "library_name: transformers",
        "pipeline_tag: text-generation",
        "tags: [zsg-harness, instruction-tuning]",
        "---",
        "",
        f"# `{_code(cell.labels.model)}`, fine-tuned in the order of `{_code(cell.labels.arrangement)}`",
        "",
        "Trained by zsg-harness to compare arrangements of instruction-tuning data. Base model and data keep their own",
        "licenses.",
        "",
        "| | |",
        "|---|---|",
        *(f"| {name} | `{_cell(value)}` |" for name, value in rows.items()),
        "",
        "| training | |",
        "|---|---|",
        *(f"| {name} | `{_cell(value)}` |" for name, value in settings.items()),
        "",
    ]
    return "\n".join(lines)


def _code(value: object) -> str:
    """A value between backquotes, on one line."""
    return " ".join(str(value).replace("`", "'").split())


def _cell(value: object) -> str:
    """The same inside a table."""
    return _code(value).replace("\\", "\\\\").replace("|", "\\|")
