"""The machinery under the sentence encoders: token budgets, windows, repeated texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.embedders import _sentence_encoder
from zsg_plugins.embedders._sentence_encoder import (
    Batching,
    SentenceEmbedder,
    SentenceModel,
    Tokenized,
    length_sorted_batches,
)
from zsg_registry import EmbedContext


class Characters(SentenceModel):
    """Reads three characters of a text; remembers what it was given."""

    def __init__(self) -> None:
        self.tokenized: list[str] = []
        self.batches: list[list[str]] = []

    def tokenize(self, texts: Sequence[str]) -> Tokenized:
        self.tokenized += texts
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        return Tokenized([text[:3] for text in texts], np.minimum(lengths, 3), lengths > 3)

    def vectors(self, inputs: Sequence[str]) -> Any:
        self.batches.append(list(inputs))
        return np.array([[len(text), sum(map(ord, text))] for text in inputs], dtype=np.float32)


class Characterwise(SentenceEmbedder):
    """Counts characters."""

    def load(self, context: EmbedContext) -> SentenceModel:
        self.loaded = getattr(self, "loaded", 0) + 1
        self.model = Characters()
        return self.model


@given(lengths=st.lists(st.integers(0, 50), max_size=60), budget=st.integers(1, 200))
def test_batches_hold_the_budget_and_every_text_once(lengths: list[int], budget: int) -> None:
    batches = list(length_sorted_batches(np.array(lengths, dtype=np.int64), budget))

    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[position] for position in batch) <= budget
    falling = [lengths[position] for batch in batches for position in batch]
    assert falling == sorted(lengths, reverse=True)


def test_blocks_come_in_order_and_a_text_is_computed_once_per_window(
    context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_sentence_encoder, "CPU", Batching(window=4, tokens=100))
    embedder = Characterwise()
    texts = ["aa", "b", "aa", "cccc", "dd", "aa", "", "cccc", "b"]

    blocks = list(embedder.embed(texts, context))

    assert [len(block.vectors) for block in blocks] == [4, 4, 1]
    assert np.concatenate([block.vectors for block in blocks])[:, 0].tolist() == [min(len(text), 3) for text in texts]
    assert embedder.model.tokenized == ["aa", "b", "cccc", "dd", "aa", "", "cccc", "b"]
    assert embedder.model.batches == [["ccc", "aa", "b"], ["ccc", "dd", "aa", ""], ["b"]]
    assert [block.truncated for block in blocks] == [1, 1, 0]


def test_the_model_is_loaded_once(context: Any) -> None:
    embedder = Characterwise()

    for _ in range(3):
        list(embedder.embed(["a"], context))

    assert embedder.loaded == 1
