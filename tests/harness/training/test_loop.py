"""The optimizer's loop against a plain one, written with nothing but torch and transformers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from zsg_harness.matrix.schema import ModelEntry, RunTable, TrainingTable
from zsg_harness.models.causal_lm import CausalLM, Form
from zsg_harness.models.loading import load_model
from zsg_harness.tokens.encoding import Encoded, encode
from zsg_harness.training.loop import StepRecord, Trainer
from zsg_harness.training.optimizer import learning_rates
from zsg_harness.training.random_state import RandomState
from zsg_harness.training.world import World
from zsg_registry import ExampleSet, ZsgError

STEPS = [np.arange(start, min(start + 16, 40)) for start in range(0, 40, 16)]


def plain_training(lm: CausalLM, encoded: Encoded, settings: TrainingTable) -> list[float]:
    """One padded batch per step, full logits, `model(labels=…)`: the slow and obvious way."""
    optimizer = torch.optim.AdamW(
        lm.model.parameters(), lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon, weight_decay=0.0
    )
    losses = []
    for rows in STEPS:
        loss = lm.model(**padded(encoded, rows)).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(lm.model.parameters(), settings.clip)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


def padded(encoded: Encoded, rows: NDArray[np.int64]) -> dict[str, torch.Tensor]:
    """A batch as `model(**batch)` takes it, padded to the longest."""
    width = int(encoded.lengths[rows].max())
    ids, mask, labels = (torch.full((len(rows), width), fill) for fill in (0, 0, -100))
    for line, row in enumerate(rows):
        tokens, is_label = (torch.from_numpy(part) for part in encoded.example(int(row)))
        ids[line, : len(tokens)] = tokens.long()
        mask[line, : len(tokens)] = 1
        labels[line, : len(tokens)] = tokens.long().masked_fill(~is_label, -100)
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def train(lm: CausalLM, encoded: Encoded, settings: TrainingTable, run: RunTable) -> list[StepRecord]:
    trainer = Trainer(lm, encoded, len(STEPS), settings, run, World())
    return [trainer.step(rows) for rows in STEPS]


RUNS = [
    RunTable(micro_batch_tokens=64),
    RunTable(micro_batch_tokens=100_000),
    RunTable(micro_batch_tokens=100_000, micro_batch_examples=4),
    RunTable(micro_batch_tokens=100_000, micro_batch_examples=1),
]


@pytest.mark.parametrize("form", ["packed", "head", "whole"])
@pytest.mark.parametrize("run", RUNS, ids=lambda run: f"{run.micro_batch_tokens}-{run.micro_batch_examples}")
def test_micro_batches_do_the_update_of_the_whole_batch(
    small_model: Path, examples: ExampleSet, run: RunTable, form: Form
) -> None:
    settings = TrainingTable(learning_rate=1e-2)
    ours, plain = (load_model(ModelEntry(use=str(small_model)), Path(), torch.device("cpu")) for _ in range(2))
    assert ours.form == "packed"
    ours.form = form
    encoded = encode(examples, ours.tokenizer, 64)
    records = train(ours, encoded, settings, run)
    expected = plain_training(plain, encoded, settings)
    assert [record.loss for record in records] == pytest.approx(expected, rel=1e-5)
    for own, other in zip(ours.model.parameters(), plain.model.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)
    assert [sorted(record.consumed) for record in records] == [rows.tolist() for rows in STEPS]
    assert [record.tokens for record in records] == [int(encoded.lengths[rows].sum()) for rows in STEPS]


@pytest.mark.parametrize("form", ["packed", "head", "whole"])
@pytest.mark.parametrize("tokens", [64, 200, 100_000])
def test_the_gradient_is_that_of_one_padded_batch(
    small_model: Path, examples: ExampleSet, tokens: int, form: Form
) -> None:
    ours, plain = (load_model(ModelEntry(use=str(small_model)), Path(), torch.device("cpu")) for _ in range(2))
    ours.form = form
    encoded = encode(examples, ours.tokenizer, 64)
    rows = np.arange(16)
    trainer = Trainer(ours, encoded, 1, TrainingTable(), RunTable(), World())
    trainer._accumulate(rows, int(encoded.label_counts[rows].sum()), RandomState.now(), tokens)
    plain.model(**padded(encoded, rows)).loss.backward()
    gradients = [
        torch.cat([each.grad.double().flatten() for each in lm.model.parameters() if each.grad is not None])
        for lm in (ours, plain)
    ]
    assert float((gradients[0] - gradients[1]).norm() / gradients[1].norm()) < 1e-5


def test_two_runs_are_bit_identical(small_model: Path, examples: ExampleSet) -> None:
    weights = []
    for _ in range(2):
        lm = load_model(ModelEntry(use=str(small_model)), Path(), torch.device("cpu"))
        train(lm, encode(examples, lm.tokenizer, 64), TrainingTable(), RunTable(micro_batch_tokens=256))
        weights.append(torch.cat([parameter.flatten() for parameter in lm.model.parameters()]))
    assert torch.equal(*weights)


def test_a_loss_that_is_not_finite_stops_the_training(lm: CausalLM, examples: ExampleSet) -> None:
    encoded = encode(examples, lm.tokenizer, 64)
    with pytest.raises(ZsgError, match=r"the training loss is nan and the gradient norm nan at step [23]"):
        train(lm, encoded, TrainingTable(learning_rate=1e38), RunTable(micro_batch_tokens=256))


def test_the_cosine_ends_at_its_share_of_the_peak() -> None:
    rate = learning_rates(TrainingTable(schedule="cosine", warmup=4), 104)
    assert [rate(step) for step in (1, 2, 4, 5, 104)] == pytest.approx([0.25, 0.5, 1.0, 1.0, 0.1])
    middle = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 49.5 / 99))
    assert (rate(54) + rate(55)) / 2 == pytest.approx(middle, rel=1e-3)
