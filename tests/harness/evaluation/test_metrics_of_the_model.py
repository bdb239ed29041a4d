"""Metrics that ask the model: what they say is what lm-evaluation-harness says."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from zsg_harness.evaluation.losses import example_losses
from zsg_harness.evaluation.scoring import describe_outputs, score
from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.models.loading import load_model
from zsg_harness.services.handle import Handle
from zsg_harness.tokens.text_form import TextForm
from zsg_harness.training.random_state import undisturbed
from zsg_plugins.metrics.lm_eval import LmEval
from zsg_plugins.metrics.rank_accuracy import RankAccuracy
from zsg_registry import Example, ExampleSet, Message, MetricBatch, MetricRows, ZsgError


@pytest.fixture(scope="module")
def told(small_model: Path, lm_eval_tasks: Path) -> dict[str, Any]:
    """What lm-eval's own command says of both tasks."""
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    lm = load_model(ModelEntry(use=str(small_model)), Path(), torch.device("cpu"))
    with undisturbed(lm.model):
        found = simple_evaluate(
            model=HFLM(pretrained=lm.model, tokenizer=lm.tokenizer, backend="causal", batch_size=4),
            tasks=["local_choice", "local_likelihood"],
            task_manager=TaskManager(include_path=str(lm_eval_tasks), include_defaults=False),
            bootstrap_iters=0,
        )
    assert found is not None
    return dict(found)


def values(rows: MetricRows, output: str) -> list[float]:
    return [value for value, own in zip(rows.values, rows.outputs, strict=True) if own == output]


@pytest.mark.parametrize("batch_tokens", [64, 4096])
def test_rank_accuracy_is_lm_evals(batch_tokens: int, lm: CausalLM, choices: ExampleSet, told: dict[str, Any]) -> None:
    rows = RankAccuracy().score(MetricBatch(choices, model=Handle(lm, TextForm(), batch_tokens=batch_tokens)))
    samples = told["samples"]["local_choice"]
    for output, theirs in (("", "acc"), ("_char", "acc_norm"), ("_byte", "acc_bytes")):
        own = values(rows, f"rank_accuracy{output}")
        assert own == [100 * sample[theirs] for sample in samples]
        assert 0 < np.mean(own) < 100
    likelihoods = Handle(lm, TextForm()).log_likelihoods(first_options(choices)).sums
    assert likelihoods == pytest.approx([sample["filtered_resps"][0][0] for sample in samples], abs=1e-4)


def first_options(choices: ExampleSet) -> ExampleSet:
    return ExampleSet.from_examples(replace(each, completion=(each.choices or ("",))[0]) for each in choices)


def test_the_loss_is_lm_evals(lm: CausalLM, choices: ExampleSet, told: dict[str, Any]) -> None:
    samples = told["samples"]["local_likelihood"]
    encoded = TextForm().encode(choices, lm.tokenizer)
    ours = example_losses(lm, encoded, 4096) * encoded.label_counts
    assert ours == pytest.approx([-sample["filtered_resps"][0][0] for sample in samples], abs=1e-4)


def test_options_of_a_dialogue_and_what_cannot_be_scored(lm: CausalLM) -> None:
    turns = (
        Message("user", "one?"),
        Message("assistant", "two"),
        Message("user", "Is it?"),
        Message("assistant", "no"),
    )
    plain = Example("plain", "t", prompt="User: one?", completion=" no ", choices=("yes", "no", "no "))
    examples = ExampleSet.from_examples(
        [
            Example("dialogue", "t", messages=turns, choices=("yes", "no")),
            Example("no options", "t", prompt="p", completion="c"),
            plain,
            replace(plain, id="no right one", completion="never"),
            replace(plain, id="by reference", completion="never", references=("yes", "no")),
        ]
    )
    metric, handle = RankAccuracy(), Handle(lm, TextForm())
    rows = metric.score(MetricBatch(examples, model=handle))
    assert list(rows.example_ids) == ["dialogue", "plain", "by reference"] * 4
    assert values(rows, "rank_accuracy")[2] == 100  # every option is right
    alone = metric.score(MetricBatch(examples.take([0]), model=handle))
    assert list(alone.values) == list(rows.values[::3])
    assert not len(metric.score(MetricBatch(examples.take([1, 3]), model=handle)).values)


def test_log_likelihoods_leave_the_end_out_and_stay_in_the_last_answer(lm: CausalLM) -> None:
    turns = (Message("user", "a"), Message("assistant", "first"), Message("user", "b"), Message("assistant", "second"))
    examples = ExampleSet.from_examples([Example("0", messages=turns)])
    sums, tokens = Handle(lm, TextForm()).log_likelihoods(examples)
    before = TextForm().encode(examples, lm.tokenizer).prompt(0)
    answer = lm.tokenizer.encode(" second", add_special_tokens=False)
    with torch.no_grad():
        logits = lm.model(input_ids=torch.tensor([[*before.tolist(), *answer]])).logits[0].log_softmax(-1)
    expected = sum(float(logits[len(before) - 1 + n, token]) for n, token in enumerate(answer))
    assert list(tokens) == [len(answer)]
    assert sums == pytest.approx([expected], abs=1e-4)


def test_lm_eval_says_what_its_own_command_says(
    lm: CausalLM, choices: ExampleSet, lm_eval_tasks: Path, told: dict[str, Any]
) -> None:
    metric = LmEval(tasks=["local_choice", "local_likelihood"], include_path=str(lm_eval_tasks))
    assert metric.outputs == {}
    metric.check()
    metric.open()
    lm.model.train()
    before = (random.getstate()[1][:5], np.random.get_state()[1][:5].tolist(), torch.get_rng_state().tolist())
    padding = lm.tokenizer.pad_token, lm.tokenizer.padding_side
    with undisturbed(lm.model):
        scored = score([metric], MetricBatch(choices, model=Handle(lm, TextForm())))
    assert lm.model.training
    assert before == (random.getstate()[1][:5], np.random.get_state()[1][:5].tolist(), torch.get_rng_state().tolist())
    assert padding == (lm.tokenizer.pad_token, lm.tokenizer.padding_side)

    found = scored.frame.set_index(["task", "metric"])
    for task, names in (
        ("local_choice", ["acc", "acc_norm", "acc_bytes"]),
        ("local_likelihood", ["acc", "perplexity"]),
    ):
        theirs = told["results"][task]
        for name in names:
            assert found.loc[(task, f"lm_eval_{name}"), "value"] == pytest.approx(theirs[f"{name},none"], rel=1e-4)
            assert found.loc[(task, f"lm_eval_{name}"), "count"] == len(choices)
    by_example = scored.examples
    assert set(by_example["metric"]) == {"lm_eval_acc", "lm_eval_acc_norm", "lm_eval_acc_bytes"}  # no mean: no values
    assert by_example["example_id"].tolist()[:2] == ["local_choice/0", "local_choice/1"]
    described = describe_outputs([metric])
    assert described["lm_eval_perplexity"] == {"direction": "lower", "scope": "external"}
    assert described["lm_eval_acc"] == {"direction": "higher", "scope": "external"}
    metric.close()


def test_lm_eval_limits_what_it_asks(lm: CausalLM, choices: ExampleSet, lm_eval_tasks: Path) -> None:
    metric = LmEval(tasks="local_choice", include_path=str(lm_eval_tasks), limit=3, num_fewshot=1)
    rows = metric.score(MetricBatch(choices, model=Handle(lm, TextForm())))
    assert pd.Series(list(rows.outputs)).value_counts().to_dict() == dict.fromkeys(metric.outputs, 3)


def test_an_unknown_task_is_told_before_anything_runs(lm_eval_tasks: Path) -> None:
    with pytest.raises(ZsgError, match=r"no task 'local_choise' in .*\(did you mean 'local_choice'\?\)"):
        LmEval(tasks="local_choise", include_path=str(lm_eval_tasks)).check()
