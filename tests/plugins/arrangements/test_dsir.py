"""DSIR against its definition, written out in plain Python."""

from __future__ import annotations

import math
import re
from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils import murmurhash3_32

from zsg_plugins.arrangements.dsir import ImportanceResampling
from zsg_registry import Access, ContractError, Order, ZsgError
from zsg_registry.testing import NaiveContext, example_set

words = st.sampled_from(["Sum", "sum", "of", "two", "it's", "ünder", "3.5", "a", "?!", "\n"])
texts = st.lists(words, max_size=8).map(" ".join)


def arranged(component: ImportanceResampling, pool: list[str], query: list[str], **options: Any) -> Order:
    examples = example_set([None] * len(pool), prompts=pool, completions=["yes"] * len(pool))
    targets = example_set(
        [None] * len(query), prompts=query, completions=["no"] * len(query), side="unseen", prefix="query-"
    )
    return component.arrange(NaiveContext.of(component, examples, targets, **options))


def naive_log_weights(pool: list[str], query: list[str], buckets: int, longest: int) -> list[float]:
    """Xie et al.: hashed n-gram counts, frequencies of both corpora, the sum of the logs of their ratio."""

    def features(text: str) -> Counter[int]:
        tokens = re.findall(r"\w+|[^\w\s]+", text.lower())
        grams = [" ".join(tokens[i : i + n]) for n in range(1, longest + 1) for i in range(len(tokens) - n + 1)]
        return Counter(abs(murmurhash3_32(gram, seed=0)) % buckets for gram in grams)

    def frequency(corpus: list[str]) -> list[float]:
        total: Counter[int] = Counter()
        for text in corpus:
            total.update(features(text))
        return [total[b] / max(total.total(), 1) for b in range(buckets)]

    target, raw = frequency(query), frequency(pool)
    return [
        sum(count * (math.log(target[b] + 1e-8) - math.log(raw[b] + 1e-8)) for b, count in features(text).items())
        for text in pool
    ]


@given(
    pool=st.lists(texts, min_size=1, max_size=8),
    query=st.lists(texts, min_size=1, max_size=4),
    buckets=st.sampled_from([1, 7, 500]),
    longest=st.integers(1, 3),
)
def test_the_weights_are_those_of_the_definition(pool: list[str], query: list[str], buckets: int, longest: int) -> None:
    dsir = ImportanceResampling(view="prompt", buckets=buckets, max_ngram=longest, sample=False)
    order = arranged(dsir, pool, query)
    expected = np.array(naive_log_weights(pool, query, buckets, longest))
    assert sorted(order.indices.tolist()) == list(range(len(pool)))
    np.testing.assert_allclose(order.scores, expected[order.indices], rtol=1e-5, atol=1e-6)
    assert np.all(np.diff(expected[order.indices]) <= 1e-9)


def test_texts_are_hashed_in_blocks_and_ties_keep_pool_order(monkeypatch: pytest.MonkeyPatch) -> None:
    pool = ["red roses", "blue sky", "blue sky", "grey stone", "blue sea"]
    dsir = ImportanceResampling(view="prompt", sample=False)
    whole = arranged(dsir, pool, ["the blue sky"], budget=4)
    monkeypatch.setattr("zsg_plugins.arrangements.dsir._BLOCK", 2)
    assert arranged(dsir, pool, ["the blue sky"], budget=4).indices.tolist() == whole.indices.tolist()
    assert whole.indices.tolist()[:3] == [1, 2, 4]


def test_a_draw_is_a_sample_without_replacement_by_importance() -> None:
    """The first of the Gumbel top-k is drawn with probability exp(weight) / Σ exp(weight)."""
    pool, query = ["a", "b", "c"], ["a a a a b b c c c c c c"]
    dsir = ImportanceResampling(view="prompt", max_ngram=1)
    weights = np.exp(naive_log_weights(pool, query, 10_000, 1))
    first = [arranged(dsir, pool, query, seed=seed).indices[0] for seed in range(400)]
    shares = np.bincount(first, minlength=3) / len(first)
    np.testing.assert_allclose(shares, weights / weights.sum(), atol=0.08)
    order = arranged(dsir, pool, query, seed=3)
    assert sorted(order.indices.tolist()) == [0, 1, 2]
    np.testing.assert_allclose(order.scores, np.log(weights)[order.indices], rtol=1e-5)
    assert order.indices.tolist() == arranged(dsir, pool, query, seed=3).indices.tolist()


@pytest.mark.parametrize("view", ["prompt", "instruction", "completion", "both"])
def test_no_more_is_declared_than_is_used(view: str) -> None:
    needed = Access.ANSWERS if view in ("completion", "both") else Access.PROMPTS
    for sample in (True, False):
        dsir = ImportanceResampling(view=view, sample=sample)
        assert (dsir.access, dsir.needs, dsir.stochastic) == (needed, frozenset(), sample)
        assert len(arranged(dsir, ["a", "b"], ["b"])) == 2
        if needed is Access.ANSWERS:
            with pytest.raises(ContractError, match="withheld"):
                arranged(dsir, ["a", "b"], ["b"], access=Access.PROMPTS)


def test_without_a_query_example_there_is_no_target() -> None:
    with pytest.raises(ZsgError, match="no query examples"):
        arranged(ImportanceResampling(), ["a"], [])
