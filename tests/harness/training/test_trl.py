"""The loss and the gradient of a batch against TRL's SFTTrainer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from zsg_harness.matrix.schema import ModelEntry, RunTable, TrainingTable
from zsg_harness.models.loading import load_model
from zsg_harness.tokens.encoding import encode
from zsg_harness.training.loop import Trainer
from zsg_harness.training.world import World
from zsg_registry import ExampleSet


def test_one_step_has_the_loss_and_the_gradient_norm_of_trl(
    small_model: Path, examples: ExampleSet, tmp_path: Path
) -> None:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    ours, theirs = (load_model(ModelEntry(use=str(small_model)), Path(), torch.device("cpu")) for _ in range(2))
    encoded = encode(examples, ours.tokenizer, 64)
    rows = np.arange(16)
    update = Trainer(ours, encoded, 1, TrainingTable(), RunTable(micro_batch_tokens=128), World()).step(rows)

    parts = [encoded.example(int(row)) for row in rows]
    data = Dataset.from_list(
        [{"input_ids": ids.tolist(), "completion_mask": is_label.astype(int).tolist()} for ids, is_label in parts]
    )
    settings = SFTConfig(
        output_dir=str(tmp_path),
        per_device_train_batch_size=16,
        max_steps=1,
        logging_steps=1,
        train_sampling_strategy="sequential",
        packing=False,
        completion_only_loss=True,
        max_length=64,
        use_cpu=True,
        bf16=False,
        activation_checkpointing=False,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
    )
    trainer = SFTTrainer(theirs.model, args=settings, train_dataset=data, processing_class=theirs.tokenizer)
    trainer.train()
    logged = trainer.state.log_history[0]
    assert update.loss == pytest.approx(logged["loss"], rel=1e-5)
    assert update.gradient_norm == pytest.approx(logged["grad_norm"], rel=1e-5)
