"""Rewards by real, tiny sequence classifiers: the model's own output for each answer, alone or in any batch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from zsg_plugins.metrics.reward import Reward
from zsg_registry import Example, ExampleSet, Message, MetricBatch, ZsgError

ANSWERS = ["yes", "", "a much longer answer than all of the others, with {answer} in it", "no"]
PROMPTS = ["Is it?", "What is in {prompt}?", "Why?", "a " * 40]

MakeJudge = Callable[..., Path]


@pytest.fixture
def batch() -> MetricBatch:
    examples = [Example(str(n), "t", prompt=prompt, completion="c") for n, prompt in enumerate(PROMPTS)]
    return MetricBatch(ExampleSet.from_examples(examples), generations=ANSWERS)


def own_logits(folder: Path, text: str) -> torch.Tensor:
    """What the model gives to a text alone, of which it reads the last 64 tokens."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    ids = AutoTokenizer.from_pretrained(folder)(text, return_tensors="pt")["input_ids"][:, -64:]
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    with torch.no_grad():
        return model(input_ids=ids).logits[0]


@pytest.mark.parametrize("kind", ["bert", "llama without a padding token"])
@pytest.mark.parametrize("batch_size", [1, 3])
def test_a_reward_is_the_models_own_output(
    kind: str, batch_size: int, make_judge: MakeJudge, batch: MetricBatch
) -> None:
    folder = make_judge(kind)
    metric = Reward(model=str(folder), batch_size=batch_size)
    metric.check()
    rows = metric.score(batch)
    metric.close()
    expected = [
        float(own_logits(folder, f"Human: {prompt}\n\nAssistant: {answer}")[0])
        for prompt, answer in zip(PROMPTS, ANSWERS, strict=True)
    ]
    assert rows.values == pytest.approx(expected, abs=1e-5)
    assert len(set(expected)) == len(ANSWERS)
    assert list(rows.example_ids) == ["0", "1", "2", "3"]


def test_a_class_of_several_and_another_template(make_judge: MakeJudge, batch: MetricBatch) -> None:
    folder = make_judge(labels=3)
    metric = Reward(model=str(folder), label="LABEL_2", template="{prompt} -> {answer}.")
    metric.check()
    expected = [
        float(own_logits(folder, f"{prompt} -> {answer}.").double().softmax(0)[2])
        for prompt, answer in zip(PROMPTS, ANSWERS, strict=True)
    ]
    assert metric.score(batch).values == pytest.approx(expected, abs=1e-6)


def test_a_models_own_chat_template(make_judge: MakeJudge) -> None:
    template = "{% for turn in messages %}<{{ turn.role }}>{{ turn.content }}{% endfor %}"
    folder = make_judge(chat_template=template)
    turns = (Message("system", "be nice"), Message("user", "hello"), Message("assistant", "the right answer"))
    examples = ExampleSet.from_examples(
        [Example("plain", prompt="hello", completion="c"), Example("dialogue", messages=turns)]
    )
    rows = Reward(model=str(folder)).score(MetricBatch(examples, generations=["hi", "hi"]))
    texts = ["<user>hello<assistant>hi", "<system>be nice<user>hello<assistant>hi"]
    assert rows.values == pytest.approx([float(own_logits(folder, text)[0]) for text in texts], abs=1e-5)


def test_bad_parameters_are_told_before_anything_runs(make_judge: MakeJudge, small: Path) -> None:
    three = make_judge(labels=3)
    for metric, fault in [
        (Reward(model=str(three)), "has 3 classes, and label must be one of them: LABEL_0, LABEL_1, LABEL_2"),
        (Reward(model=str(three), label="nice"), "label must be one of them"),
        (Reward(model=str(three), label=0, template="{prompt}"), "needs both {prompt} and {answer}"),
        (Reward(model=str(small)), "is no sequence classifier"),
        (Reward(model=str(three.parent)), "cannot be loaded"),
    ]:
        with pytest.raises(ZsgError) as caught:
            metric.check()
        assert fault in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A model that is no classifier."""
    from transformers import LlamaConfig

    LlamaConfig(architectures=["LlamaForCausalLM"]).save_pretrained(tmp_path)
    return tmp_path


def test_a_model_on_a_hub_that_cannot_be_reached() -> None:
    reason = Reward(model="nobody/nothing", revision="abc").unavailable()
    assert reason is not None
    assert reason.endswith("once, with network: hf download nobody/nothing --revision abc")
