"""The divergence of n-grams, against its definition and against the naive context."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.services.ngrams import kl_ngram
from zsg_registry.testing import NaiveContext, example_set

FARTHEST = -math.log(1e-10)
texts = st.lists(
    st.one_of(
        st.lists(st.sampled_from("ab "), max_size=9).map(" ".join), st.text(st.characters(codec="utf-8"), max_size=12)
    ),
    max_size=7,
)


def definition(texts: list[str], reference: list[str], n: int) -> list[float]:
    """Σ p (ln p − ln(q + 1e-10)) over the distinct n-grams of a text; the largest value where it has none."""

    def grams(text: str) -> list[str]:
        words = text.split()
        return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]

    pooled = Counter(gram for text in reference for gram in grams(text))
    values = []
    for text in texts:
        own = grams(text)
        q = {gram: pooled[gram] / max(sum(pooled.values()), 1) for gram in own}
        p = {gram: own.count(gram) / len(own) for gram in own}
        values.append(sum(p[gram] * (math.log(p[gram]) - math.log(q[gram] + 1e-10)) for gram in p) if own else FARTHEST)
    return values


@given(texts=texts, reference=texts, n=st.integers(1, 3), block_texts=st.integers(1, 8))
def test_the_divergence_is_that_of_the_definition(
    texts: list[str], reference: list[str], n: int, block_texts: int
) -> None:
    found = kl_ngram(texts, reference, n, block_texts=block_texts)
    np.testing.assert_allclose(found, definition(texts, reference, n), rtol=0, atol=1e-11)
    assert np.all(found >= -1e-9)
    assert np.all(found <= FARTHEST)
    naive = NaiveContext(example_set([None])).kl_ngram(texts, reference, n)
    np.testing.assert_allclose(found, naive, rtol=0, atol=1.1e-12)


def test_by_hand() -> None:
    reference = ["a b a", "b a"]  # bigrams: a b once, b a twice
    found = kl_ngram(["a b", "b a b", "x y z", "a", "", "a b a b"], reference)
    one, two = math.log(3), math.log(3 / 2)
    expected = [
        one,
        0.5 * (math.log(1 / 2) + two) + 0.5 * (math.log(1 / 2) + one),
        math.log(1 / 2) + FARTHEST,
        FARTHEST,  # one word is no bigram
        FARTHEST,
        2 / 3 * (math.log(2 / 3) + one) + 1 / 3 * (math.log(1 / 3) + two),
    ]
    assert found == pytest.approx(expected, abs=1e-9)
    assert kl_ngram(["x y"], reference)[0] == pytest.approx(23.02585, abs=1e-5)


def test_a_text_that_is_the_reference_is_not_far_from_it() -> None:
    assert kl_ngram(["the cat sat on the mat"], ["the cat sat on the mat"])[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_nothing_against_nothing(n: int) -> None:
    assert kl_ngram([], ["a b"], n).tolist() == []
    assert kl_ngram(["a b c", ""], [], n) == pytest.approx(definition(["a b c", ""], [], n))


def test_no_ngram_reaches_over_the_end_of_a_text() -> None:
    assert kl_ngram(["b c"], ["a b", "c d"])[0] == pytest.approx(FARTHEST)


def test_the_codes_of_many_words_do_not_overflow() -> None:
    """Each of 250 texts has 4-grams of its own: 100,000 words would make 10^20 codes."""
    reference = [" ".join(f"w{i}" for i in range(start, start + 400)) for start in range(0, 100_000, 400)]
    assert kl_ngram(reference, reference, n=4) == pytest.approx([math.log(250)] * 250, abs=1e-4)
