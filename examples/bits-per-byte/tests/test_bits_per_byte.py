"""The metric against numbers worked out by hand and under the conformance suite; the hooks on events and rows."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from zsg_bits_per_byte.metric import BitsPerByte
from zsg_bits_per_byte.saved import BitsSaved
from zsg_bits_per_byte.word import WordSent

from zsg_registry import ExampleSet, MetricBatch
from zsg_registry.hooks import CellFailed, MatrixFinished
from zsg_registry.testing import HooksSuite, MetricSuite, dialogue_set, example_set

LABELS = {"arrangement": "tma", "dataset": "d", "embedder": None, "model": "m", "budget": "all"}


class TestBitsPerByte(MetricSuite):
    @pytest.fixture
    def component(self) -> BitsPerByte:
        return BitsPerByte()


class TestBitsSaved(HooksSuite):
    @pytest.fixture
    def component(self) -> BitsSaved:
        return BitsSaved()


class TestWordSent(HooksSuite):
    @pytest.fixture
    def component(self, tmp_path: Path) -> WordSent:
        return WordSent(to=str(tmp_path / "word.jsonl"))


def scored(examples: ExampleSet, losses: list[float], tokens: list[int]) -> list[float]:
    batch = MetricBatch(examples, losses=np.array(losses), tokens=np.array(tokens))
    return BitsPerByte().score(batch).values.tolist()


def test_a_bit_for_each_byte() -> None:
    one_bit_a_token = math.log(2)
    examples = example_set(["a"] * 3, completions=["abcd", "é", ""])
    values = scored(examples, [one_bit_a_token, 2 * one_bit_a_token, 1.0], [4, 2, 1])
    assert values[:2] == pytest.approx([1.0, 2.0])  # "é" has two bytes
    assert math.isnan(values[2])


def test_dialogues_have_none() -> None:
    assert math.isnan(scored(dialogue_set([["hello", "hi"]]), [1.0], [2])[0])


def row(arrangement: str, bits: float | None, **labels: Any) -> dict[str, Any]:
    return {**LABELS, "arrangement": arrangement, "bits_per_byte": bits, **labels}


def test_what_is_saved_is_of_the_same_tables_random() -> None:
    rows = [row("random", 2.0), row("tma", 1.5), row("tma", 1.5, dataset="other"), row("nft", None)]
    assert BitsSaved("saved").zsg_leaderboard_columns(rows) == {"saved": [0.0, 25.0, None, None]}


def test_no_column_where_nothing_was_scored_in_bits() -> None:
    assert BitsSaved().zsg_leaderboard_columns([{**LABELS, "loss_final": 1.0}]) == {}


def test_word_is_sent_once_for_each_event(tmp_path: Path) -> None:
    word = WordSent(to=str(tmp_path / "word.jsonl"))
    failed = CellFailed(event_id="c1", cell_id="9c", labels=LABELS, reason="the loss is NaN at step 3")
    done = MatrixFinished(event_id="m1", matrix="mine", cells={"failed": 1, "finished": 5, "skipped": 0})
    for _ in range(2):
        word.zsg_cell_failed(failed)
        word.zsg_matrix_finished(done)
    lines = [json.loads(line) for line in (tmp_path / "word.jsonl").read_text().splitlines()]
    assert lines == [
        {"text": "tma failed: the loss is NaN at step 3", "event_id": "c1"},
        {"text": "mine is done: 1 failed, 5 finished", "event_id": "m1"},
    ]


def test_keys_do_not_travel_in_the_clear() -> None:
    with pytest.raises(ValueError, match="https"):
        WordSent(to="http://chat.example/hook")
