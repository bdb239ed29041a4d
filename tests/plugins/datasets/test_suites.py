"""Every first-party data set under the suite, on a few rows in its own format."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_registry import Registry, bind, parse_reference
from zsg_registry.testing import DatasetSuite
from zsg_registry.testing.suites.checks import findings

REGISTRY = Registry()
TURNS = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "naïve 日本語"}]
OLD = [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]
ROWS = [{"task": f"t{n % 3}", "prompt": f"p {n}", "completion": "c"} for n in range(9)]
P3 = [{"inputs_pretokenized": "Is it?", "targets_pretokenized": "yes"}]
TASK = {
    "Source": ["numbers"],
    "Definition": ["Count."],
    "Positive Examples": [],
    "Negative Examples": [],
    "Instances": [{"id": "1", "input": "four", "output": ["4"]}],
}
KEYS = {"train_key_list": ["a"], "eval_key_list": ["b"]}

Write = Callable[[Any], None]


def _natural_instructions(write: Any) -> None:
    for name in ("task1_count", "task2_count"):
        write.json(f"tasks/{name}.json", TASK)
    write.text("splits/default/train_tasks.txt", "task1_count\n")
    write.text("splits/default/test_tasks.txt", "task2_count\n")


def _p3(write: Any) -> None:
    write.lines("imdb_x.jsonl", P3)
    write.lines("anli_y.jsonl", P3)


def _flan_mini(write: Any) -> None:
    write.json("flan_mini.json", [{"id": "x", "source": key, "conversations": OLD} for key in "ab"])
    write.json("../keys.json", KEYS)


FORMATS: dict[str, Write] = {
    "flan-mini[path=data/flan_mini.json,keys=keys.json]": _flan_mini,
    "hf[path=data/rows.jsonl]": lambda write: write.lines("rows.jsonl", ROWS),
    'jsonl[path=data/rows.jsonl,unseen=["t2"]]': lambda write: write.lines("rows.jsonl", ROWS),
    "jsonl[path=data,unseen=0.4]": lambda write: write.lines("rows.jsonl", ROWS),
    "natural-instructions[path=data]": _natural_instructions,
    "no-robots[path=data,unseen=0.5]": lambda write: write.lines("train.jsonl", [{"messages": TURNS}] * 8),
    "p3[path=data]": _p3,
    "procedural[examples_per_seen_task=2,examples_per_unseen_task=1]": lambda write: None,
    "procedural[affinity=0,examples_per_seen_task=2,examples_per_unseen_task=1]": lambda write: None,
    "sharegpt[path=data,unseen=0.5]": lambda write: write.json("train.json", [{"id": "a_0", "items": OLD}] * 8),
    "ultrachat[path=data,unseen=0.5]": lambda write: write.lines("train.jsonl", [{"messages": TURNS}] * 8),
}


@pytest.mark.parametrize("text", FORMATS)
def test_datasets(text: str, write: Any, tmp_path: Path) -> None:
    FORMATS[text](write)
    reference = parse_reference(text)
    component = REGISTRY.component("dataset", reference)
    found = findings(DatasetSuite, lambda: bind(component, reference, base_dir=tmp_path))
    assert {each.check: each.line for each in found if each.state == "failed"} == {}


def test_none_is_left_out() -> None:
    own = {entry.name for entry in REGISTRY.entries if (entry.kind, entry.distribution) == ("dataset", "zsg-harness")}
    assert {parse_reference(text).name for text in FORMATS} == own
