"""Hashed n-grams equal scikit-learn's, need no pool, and leave no text without a vector."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zsg_plugins.embedders import hashed_ngrams
from zsg_plugins.embedders.hashed_ngrams import HashedNgrams
from zsg_registry import ZsgError, bind, parse_reference


def vectors(texts: list[str], context: Any = None, **params: Any) -> np.ndarray:
    return np.concatenate(list(HashedNgrams(**params).embed(texts, context)))


@pytest.mark.parametrize(("of", "analyzer"), [("words", "word"), ("characters", "char_wb")])
def test_equals_scikit_learn(
    of: str, analyzer: str, texts: list[str], context: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sklearn.feature_extraction.text import HashingVectorizer

    reference = HashingVectorizer(
        n_features=500, analyzer=analyzer, ngram_range=(2, 3), token_pattern=r"(?u)\b\w+\b"
    ).transform(texts)
    monkeypatch.setattr(hashed_ngrams, "_BLOCK", 3)

    found = vectors(texts, context, of=of, dimensions=500, shortest=2, longest=3)

    assert found.dtype == np.float32
    known = np.asarray(reference.sum(axis=1) != 0).ravel() | np.asarray(abs(reference).sum(axis=1) > 0).ravel()
    np.testing.assert_allclose(found[known], reference.toarray()[known], atol=1e-6)
    assert not known.all()


@settings(max_examples=25)
@given(texts=st.lists(st.text(max_size=20), max_size=8), dimensions=st.integers(2, 40))
def test_every_text_has_a_vector_of_length_one_of_its_own(texts: list[str], dimensions: int) -> None:
    found = [vectors([text], dimensions=dimensions, shortest=1, longest=2)[0] for text in texts]
    assert all(vector.shape == (dimensions,) for vector in found)
    np.testing.assert_allclose([np.linalg.norm(vector) for vector in found], 1, atol=1e-5)
    if texts:
        np.testing.assert_array_equal(vectors(texts, dimensions=dimensions, shortest=1, longest=2), np.stack(found))


def test_runs_that_are_shorter_than_themselves() -> None:
    with pytest.raises(ZsgError, match=r"shortest = 3 is more than longest = 2$"):
        bind(HashedNgrams, parse_reference("hashed-ngrams[shortest=3]"))
