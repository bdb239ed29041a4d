"""A multiple-choice task, as examples and as files of lm-evaluation-harness."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from zsg_registry import Example, ExampleSet

TASK = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {data}}}}}
test_split: test
output_type: {kind}
doc_to_text: "{{{{bos}}}}User: {{{{prompt}}}}\\nAssistant:"
"""
CHOICE = """doc_to_choice: "choices"
doc_to_target: "gold"
metric_list: [{metric: acc}, {metric: acc_norm}, {metric: acc_bytes}]
"""
LIKELIHOOD = """doc_to_target: " {{completion}}{{eos}}"
metric_list: [{metric: acc}, {metric: perplexity}]
"""


@pytest.fixture(scope="session")
def choices() -> ExampleSet:
    """Twenty questions with two to four options of unlike lengths, some of them not of ASCII."""
    options = ["yes", "no", "perhaps it is", "été", "a rather long answer to a short question", "東京", "maybe"]
    return ExampleSet.from_examples(
        Example(
            id=f"q{n}",
            task=f"task-{n % 3}",
            prompt=f"Is number {n} {'really ' * (n % 4)}nice?",
            completion=options[(n + n % 2) % 7],
            choices=tuple(options[(n + k) % 7] for k in range(2 + n % 3)),
        )
        for n in range(20)
    )


@pytest.fixture(scope="session")
def lm_eval_tasks(choices: ExampleSet, small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the tasks `local_choice` and `local_likelihood` over `choices`."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(small_model)
    special = {"bos": tokenizer.bos_token, "eos": tokenizer.eos_token}
    folder = tmp_path_factory.mktemp("tasks")
    rows = [
        {
            "prompt": each.prompt,
            "completion": each.completion,
            "choices": each.choices,
            "gold": each.choices.index(each.completion),
            **special,
        }
        for each in choices
        if each.choices is not None
    ]
    data = folder / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    for name, kind, rest in (("choice", "multiple_choice", CHOICE), ("likelihood", "loglikelihood", LIKELIHOOD)):
        text = TASK.format(name=f"local_{name}", data=data, kind=kind) + rest
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder
