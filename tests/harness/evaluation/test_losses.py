"""An example's loss and answer are its own, whatever they are computed beside."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.evaluation.generation import generate
from zsg_harness.evaluation.losses import example_losses
from zsg_harness.evaluation.steps import evaluation_steps, generation_steps
from zsg_harness.matrix.schema import EvaluationTable, ModelEntry
from zsg_harness.models.causal_lm import CausalLM, Form
from zsg_harness.models.loading import load_model
from zsg_harness.tokens.encoding import Encoded, encode
from zsg_registry import Example, ExampleSet


def model_loss(lm: CausalLM, encoded: Encoded, i: int) -> float:
    """The library's own loss of one example alone."""
    tokens, is_label = encoded.example(i)
    ids = torch.from_numpy(tokens.astype(np.int64))[None]
    labels = ids.masked_fill(torch.from_numpy(~is_label)[None], -100)
    with torch.no_grad():
        return float(lm.model(input_ids=ids, labels=labels).loss)


@pytest.mark.parametrize("batch_tokens", [1, 200, 100_000])
def test_losses_equal_the_models_own_alone_and_in_any_batch(
    lm: CausalLM, examples: ExampleSet, batch_tokens: int
) -> None:
    encoded = encode(examples, lm.tokenizer, 64)
    losses = example_losses(lm, encoded, batch_tokens)
    assert losses == pytest.approx([model_loss(lm, encoded, i) for i in range(len(encoded))], abs=1e-5)


@pytest.mark.parametrize("has_bos", [True, False])
def test_losses_of_the_answer_alone_and_of_the_whole_text_are_the_bundled_models_own(
    has_bos: bool, examples: ExampleSet
) -> None:
    tiny = load_model(ModelEntry(use="zsg-tiny"), Path(), torch.device("cpu"))
    if not has_bos:
        tiny.tokenizer.bos_token = None
    bos = [tiny.tokenizer.bos_token_id] if has_bos else []

    def own_loss(*texts: str) -> float:
        """The library's loss of all tokens that something predicts."""
        ids = [token for text in texts for token in tiny.tokenizer.encode(text, add_special_tokens=False)]
        tokens = torch.tensor([[*bos, *ids, tiny.tokenizer.eos_token_id]])
        with torch.no_grad():
            return float(tiny.model(input_ids=tokens, labels=tokens).loss)  # it leaves the first label out

    some = examples.take(np.arange(12))
    encoded = encode(some, tiny.tokenizer, 256)
    pairs = list(zip(some["prompt"], some["completion"], strict=True))
    alone = example_losses(tiny, encoded.answers_alone(has_bos), 500)
    assert alone == pytest.approx([own_loss(f" {answer}") for _, answer in pairs], abs=1e-4)
    whole = example_losses(tiny, encoded.whole(), 500)
    expected = [own_loss(f"User: {prompt}\nAssistant:", f" {answer}") for prompt, answer in pairs]
    assert whole == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("form", ["head", "whole"])
def test_every_form_gives_the_same_losses(lm: CausalLM, examples: ExampleSet, form: Form) -> None:
    encoded = encode(examples, lm.tokenizer, 64)
    assert lm.form == "packed"
    packed = example_losses(lm, encoded, 1000)
    lm.form = form
    assert example_losses(lm, encoded, 1000) == pytest.approx(packed, abs=1e-5)


def test_an_example_without_a_label_has_no_loss_and_harms_no_other(lm: CausalLM, examples: ExampleSet) -> None:
    encoded = encode(examples, lm.tokenizer, 64)
    blank = encoded.is_label.copy()
    blank[: encoded.offsets[1]] = False
    losses = example_losses(lm, Encoded(encoded.tokens, blank, encoded.offsets), 500)
    assert np.isnan(losses[0])
    assert losses[1:] == pytest.approx(example_losses(lm, encoded, 500)[1:], abs=1e-5)


def test_answers_equal_those_generated_one_at_a_time(lm: CausalLM, examples: ExampleSet) -> None:
    encoded = encode(examples, lm.tokenizer, 64)
    together = generate(lm, encoded, 8, 1000)
    for i in range(len(encoded)):
        ids = torch.from_numpy(encoded.prompt(i).astype(np.int64))[None]
        alone = lm.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=8,
            do_sample=False,
            pad_token_id=lm.tokenizer.eos_token_id,
        )
        assert together[i] == lm.tokenizer.decode(alone[0, ids.shape[1] :], skip_special_tokens=True).strip()


def test_a_special_token_in_the_data_is_only_text(lm: CausalLM) -> None:
    eos = lm.tokenizer.eos_token
    encoded = encode(
        ExampleSet.from_examples([Example(id="x", prompt=f"stop {eos} here", completion="yes")]), lm.tokenizer, 64
    )
    assert (encoded.tokens == lm.tokenizer.eos_token_id).sum() == 1


@pytest.mark.parametrize(
    ("settings", "last", "expected"),
    [
        (EvaluationTable(), 56, [0, 1, 2, 5, 10, 20, 50, 56]),
        (EvaluationTable(), 5, [0, 1, 2, 5]),
        (EvaluationTable(every=20), 50, [0, 20, 40, 50]),
        (EvaluationTable(steps=[3, 99]), 10, [0, 3, 10]),
    ],
)
def test_evaluation_steps(settings: EvaluationTable, last: int, expected: list[int]) -> None:
    assert evaluation_steps(settings, last) == expected


@given(st.integers(1, 100_000))
def test_the_first_and_the_last_step_are_always_scored(last: int) -> None:
    steps = evaluation_steps(EvaluationTable(), last)
    assert steps[0] == 0
    assert steps[-1] == last
    assert generation_steps(EvaluationTable(), last) == {last}
