"""The optimizer's loop against a plain one, written with nothing but torch and transformers."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from zsg_harness.matrix.schema import ModelEntry, TrainingTable
from zsg_harness.models.causal_lm import CausalLM, load_model
from zsg_harness.training.batches import collate
from zsg_harness.training.encoding import Encoded, encode
from zsg_harness.training.loop import learning_rates, train
from zsg_registry import ExampleSet, ZsgError

STEPS = [np.arange(start, min(start + 16, 40)) for start in range(0, 40, 16)]


def plain_training(lm: CausalLM, encoded: Encoded, settings: TrainingTable) -> list[float]:
    """One padded batch per step, full logits, `model(labels=…)`: the slow and obvious way."""
    optimizer = torch.optim.AdamW(
        lm.model.parameters(), lr=settings.learning_rate, betas=settings.betas, eps=settings.epsilon, weight_decay=0.0
    )
    losses = []
    for rows in STEPS:
        batch = collate(encoded, rows, lm.device)
        mask = (torch.arange(batch.input_ids.shape[1]) < torch.from_numpy(encoded.lengths[rows])[:, None]).long()
        labels = batch.input_ids.masked_fill(~batch.is_label, -100)
        loss = lm.model(input_ids=batch.input_ids, attention_mask=mask, labels=labels).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(lm.model.parameters(), settings.clip)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    return losses


@pytest.mark.parametrize("micro_batch_tokens", [64, 100_000])
def test_micro_batches_do_the_update_of_the_whole_batch(
    small_model: Path, examples: ExampleSet, micro_batch_tokens: int
) -> None:
    settings = TrainingTable(learning_rate=1e-2)
    ours, plain = (load_model(ModelEntry(use=str(small_model)), Path(), torch.device("cpu")) for _ in range(2))
    encoded = encode(examples, ours.tokenizer, 64)
    records = list(train(ours, encoded, STEPS, settings, micro_batch_tokens))
    expected = plain_training(plain, encoded, settings)
    assert [record.loss for record in records] == pytest.approx(expected, rel=1e-5)
    for own, other in zip(ours.model.parameters(), plain.model.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-5)
    assert [sorted(record.consumed) for record in records] == [rows.tolist() for rows in STEPS]
    assert [record.tokens for record in records] == [int(encoded.lengths[rows].sum()) for rows in STEPS]


def test_two_runs_are_bit_identical(small_model: Path, examples: ExampleSet) -> None:
    weights = []
    for _ in range(2):
        lm = load_model(ModelEntry(use=str(small_model)), Path(), torch.device("cpu"))
        list(train(lm, encode(examples, lm.tokenizer, 64), STEPS, TrainingTable(), 256))
        weights.append(torch.cat([parameter.flatten() for parameter in lm.model.parameters()]))
    assert torch.equal(*weights)


def test_a_loss_that_is_not_finite_stops_the_training(lm: CausalLM, examples: ExampleSet) -> None:
    encoded = encode(examples, lm.tokenizer, 64)
    with pytest.raises(ZsgError, match=r"the training loss is nan and the gradient norm nan at step [23]"):
        list(train(lm, encoded, STEPS, TrainingTable(learning_rate=1e38), 256))


def test_the_cosine_ends_at_its_share_of_the_peak() -> None:
    rate = learning_rates(TrainingTable(schedule="cosine", warmup=4), 104)
    assert [rate(step) for step in (1, 2, 4, 5, 104)] == pytest.approx([0.25, 0.5, 1.0, 1.0, 0.1])
    middle = 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * 49.5 / 99))
    assert (rate(54) + rate(55)) / 2 == pytest.approx(middle, rel=1e-3)
