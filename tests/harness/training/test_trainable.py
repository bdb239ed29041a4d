"""What of a model is trained, and that what saves memory or time changes no number."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from zsg_harness.evaluation.losses import example_losses
from zsg_harness.matrix.schema import LoraTable, ModelEntry, RunTable, TrainingTable
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.models.loading import load_model
from zsg_harness.tokens.encoding import Encoded, encode
from zsg_harness.training.loop import StepRecord, Trainer
from zsg_harness.training.random_state import RandomState
from zsg_harness.training.trainable import make_trainable
from zsg_harness.training.world import World
from zsg_registry import ExampleSet, ZsgError

STEPS = [np.arange(start, min(start + 16, 40)) for start in range(0, 40, 16)]
LORA = TrainingTable(learning_rate=1e-2, lora=LoraTable(rank=4))


@pytest.fixture(scope="module")
def gpt2(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A randomly initialised GPT-2 of one layer, which has dropout of 0.1 in four places."""
    from transformers import GPT2Config, GPT2LMHeadModel

    folder = tmp_path_factory.mktemp("gpt2")
    torch.manual_seed(3)
    config = GPT2Config(
        vocab_size=4096, n_embd=16, n_layer=1, n_head=2, n_positions=128, bos_token_id=0, eos_token_id=1, pad_token_id=2
    )
    assert config.resid_pdrop == config.embd_pdrop == config.attn_pdrop == 0.1
    GPT2LMHeadModel(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(small_model / name, folder)
    return folder


def load(folder: Path) -> CausalLM:
    return load_model(ModelEntry(use=str(folder)), Path(), torch.device("cpu"))


def trainable(folder: Path, settings: TrainingTable, run: RunTable | None = None, seed: int = 0) -> CausalLM:
    lm = load(folder)
    make_trainable(lm, settings, run or RunTable(), seed, World())
    return lm


def train(lm: CausalLM, encoded: Encoded, settings: TrainingTable, run: RunTable | None = None) -> list[StepRecord]:
    trainer = Trainer(lm, encoded, len(STEPS), settings, run or RunTable(), World())
    return [trainer.step(rows) for rows in STEPS]


def adapters(lm: CausalLM) -> dict[str, torch.Tensor]:
    return {name: each.detach().clone() for name, each in lm.model.named_parameters() if "lora_" in name}


def equal(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(value, other[name]) for name, value in one.items())


def model_losses(lm: CausalLM, encoded: Encoded) -> list[float]:
    """The library's own loss of each example alone."""
    losses = []
    for i in range(len(encoded)):
        tokens, is_label = encoded.example(i)
        ids = torch.from_numpy(tokens.astype(np.int64))[None]
        labels = ids.masked_fill(torch.from_numpy(~is_label)[None], -100)
        with torch.no_grad():
            losses.append(float(lm.model(input_ids=ids, labels=labels).loss))
    return losses


def gradient(lm: CausalLM, encoded: Encoded, tokens: int) -> tuple[float, NDArray[np.float64]]:
    """Loss and gradient of a step of 16 examples, in training mode."""
    lm.model.train()
    trainer = Trainer(lm, encoded, 1, TrainingTable(), RunTable(), World())
    rows = np.arange(16)
    labels = int(encoded.label_counts[rows].sum())
    loss, _ = trainer._accumulate(rows, labels, RandomState.now(), tokens)
    parts = [each.grad.double().flatten() for each in lm.model.parameters() if each.grad is not None]
    return loss, torch.cat(parts).numpy()


def test_only_adapters_are_trained_and_the_base_stays_as_it_is(small_model: Path, examples: ExampleSet) -> None:
    base = dict(load(small_model).model.named_parameters())
    lm = trainable(small_model, LORA)
    before = adapters(lm)
    train(lm, encode(examples, lm.tokenizer, 64), LORA)
    # Seven linear layers in each of two blocks, two matrices each; not the head, which is the embedding.
    assert len(before) == 2 * 7 * 2
    assert not any(torch.equal(before[name], value) for name, value in adapters(lm).items())
    frozen = {name.replace(".base_layer", ""): each for name, each in lm.model.named_parameters() if name not in before}
    assert frozen.keys() == base.keys()
    for name, parameter in frozen.items():
        assert torch.equal(parameter, base[name])
        assert not parameter.requires_grad
        assert parameter.grad is None


def test_adapters_start_as_no_change_and_training_them_lowers_the_loss(small_model: Path, examples: ExampleSet) -> None:
    lm = trainable(small_model, LORA)
    encoded = encode(examples, lm.tokenizer, 64)
    expected = example_losses(load(small_model), encoded, 1000)
    assert example_losses(lm, encoded, 1000) == pytest.approx(expected, abs=1e-6)
    train(lm, encoded, LORA)
    assert example_losses(lm, encoded, 1000).mean() < expected.mean() - 0.01


def test_adapters_depend_on_the_seed_alone(small_model: Path, examples: ExampleSet) -> None:
    trained = []
    for seed, noise in ((5, 1), (5, 2), (6, 1)):
        torch.manual_seed(noise)
        lm = trainable(small_model, LORA, seed=seed)
        begun = adapters(lm)
        train(lm, encode(examples, lm.tokenizer, 64), LORA)
        trained.append((begun, adapters(lm)))
    assert equal(trained[0][0], trained[1][0])
    assert equal(trained[0][1], trained[1][1])
    assert not equal(trained[0][0], trained[2][0])
    assert not equal(trained[0][1], trained[2][1])


@pytest.mark.parametrize("architecture", ["llama", "gpt2"])
def test_packed_losses_are_the_models_own_with_adapters(
    architecture: str, small_model: Path, gpt2: Path, examples: ExampleSet
) -> None:
    lm = trainable(small_model if architecture == "llama" else gpt2, LORA)
    encoded = encode(examples, lm.tokenizer, 64)
    train(lm, encoded, LORA)
    assert lm.form == "packed"
    assert example_losses(lm, encoded, 1000) == pytest.approx(model_losses(lm, encoded), abs=1e-5)


def test_layers_that_are_not_there_are_one_clear_line(small_model: Path) -> None:
    with pytest.raises(ZsgError, match=r"training\.lora: .*c_attn") as caught:
        trainable(small_model, TrainingTable(lora=LoraTable(targets=["c_attn"])))
    assert "\n" not in str(caught.value)


def test_named_layers_alone_get_adapters(small_model: Path) -> None:
    lm = trainable(small_model, TrainingTable(lora=LoraTable(targets=["q_proj", "v_proj"])))
    assert {name.split(".")[4] for name in adapters(lm)} == {"q_proj", "v_proj"}


@pytest.mark.parametrize("settings", [TrainingTable(), LORA], ids=["all", "lora"])
@pytest.mark.parametrize("form", ["packed", "head"])
def test_gradient_checkpointing_changes_no_gradient(
    settings: TrainingTable, form: Any, small_model: Path, examples: ExampleSet
) -> None:
    found = []
    for checkpointing in (False, True):
        lm = trainable(small_model, settings, RunTable(gradient_checkpointing=checkpointing))
        assert lm.form == "packed"
        assert lm.model.is_gradient_checkpointing == checkpointing
        lm.form = form
        found.append(gradient(lm, encode(examples, lm.tokenizer, 64), 400))
        # Whatever else uses the model attends as it was loaded to.
        assert lm.model.config._attn_implementation == "sdpa"
    (loss, plain), (again, checkpointed) = found
    assert again == pytest.approx(loss, rel=1e-6)
    assert np.linalg.norm(plain) > 0
    assert np.linalg.norm(checkpointed - plain) <= 1e-6 * np.linalg.norm(plain)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_dropout_is_drawn_from_the_train_seed(checkpointing: bool, gpt2: Path, examples: ExampleSet) -> None:
    settings = TrainingTable(learning_rate=1e-2, dropout=True)
    run = RunTable(gradient_checkpointing=checkpointing)
    losses = []
    for seed, noise in ((5, 1), (5, 2), (6, 1)):
        torch.manual_seed(noise)
        lm = trainable(gpt2, settings, run, seed)
        losses.append([record.loss for record in train(lm, encode(examples, lm.tokenizer, 64), settings, run)])
    assert losses[0] == losses[1]
    assert all(one != other for one, other in zip(losses[0], losses[2], strict=True))


def test_gradient_checkpointing_drops_the_same_twice(gpt2: Path, examples: ExampleSet) -> None:
    found = []
    for checkpointing in (False, True):
        lm = trainable(gpt2, TrainingTable(dropout=True), RunTable(gradient_checkpointing=checkpointing))
        found.append(gradient(lm, encode(examples, lm.tokenizer, 64), 400))
    (loss, plain), (again, checkpointed) = found
    assert again == pytest.approx(loss, rel=1e-6)
    assert np.linalg.norm(checkpointed - plain) <= 1e-6 * np.linalg.norm(plain)


def test_without_dropout_a_model_in_training_is_deterministic(gpt2: Path, examples: ExampleSet) -> None:
    lm = trainable(gpt2, TrainingTable())
    assert lm.form == "packed"
    encoded = encode(examples, lm.tokenizer, 64)
    losses = np.array(model_losses(lm, encoded))
    counts = encoded.label_counts[:16]
    loss, first = gradient(lm, encoded, 400)
    assert lm.model.training
    assert loss == pytest.approx((losses[:16] * counts).sum() / counts.sum(), rel=1e-5)
    torch.manual_seed(99)
    assert np.array_equal(gradient(lm, encoded, 400)[1], first)


@pytest.mark.skipif(shutil.which("c++") is None, reason="torch.compile needs a C++ compiler on a CPU")
def test_a_compiled_model_takes_the_same_step(gpt2: Path, examples: ExampleSet) -> None:
    # One small graph, forwards and backwards, with checkpoints in it: half a minute where torch's cache has none of it.
    records = []
    for run in (RunTable(), RunTable(compile=True, gradient_checkpointing=True)):
        lm = trainable(gpt2, TrainingTable(), run)
        assert lm.form == ("head" if run.compile else "packed")
        trainer = Trainer(lm, encode(examples, lm.tokenizer, 64), 1, TrainingTable(), run, World())
        trainer.memory.tokens = 400
        records.append(trainer.step(STEPS[0]))
    assert records[1].loss == pytest.approx(records[0].loss, abs=1e-5)
    assert records[1].gradient_norm == pytest.approx(records[0].gradient_norm, rel=1e-4)
