"""tf-idf equals scikit-learn's, fitted to the pool alone, the same at every call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from zsg_plugins.embedders import tfidf
from zsg_plugins.embedders.tfidf import TfIdf
from zsg_registry import ExampleSet, View, ZsgError
from zsg_registry.testing import NaiveEmbedContext

Examples = Callable[[Sequence[str]], ExampleSet]


def vectors(embedder: TfIdf, examples: ExampleSet, context: Any, view: View = "prompt") -> np.ndarray:
    return np.concatenate(list(embedder.fit(context).encode(examples, "query", view)))


@pytest.mark.parametrize("max_ngram", [1, 2])
@pytest.mark.parametrize("max_features", [5, 10_000])
def test_equals_scikit_learn(
    max_features: int, max_ngram: int, context: Any, texts: list[str], make_examples: Examples
) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer

    query = ["a lazy fox, a quick dog", "nothing known", ""]
    reference = TfidfVectorizer(
        max_features=max_features, ngram_range=(1, max_ngram), token_pattern=r"(?u)\b\w+\b"
    ).fit(texts)

    found = vectors(TfIdf(max_features=max_features, max_ngram=max_ngram), make_examples(query), context)

    assert found.dtype == np.float32
    np.testing.assert_allclose(found, reference.transform(query).toarray(), atol=1e-6)
    assert not found[2].any()


def test_the_reduction_equals_scikit_learn_and_repeats_exactly(
    context: Any, texts: list[str], make_examples: Examples
) -> None:
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.preprocessing import normalize

    query = make_examples(["a lazy fox, a quick dog", "", *texts])
    embedder = TfIdf(dimensions=5)
    found = vectors(embedder, query, context)
    terms = TfidfVectorizer(token_pattern=r"(?u)\b\w+\b", dtype=np.float32).fit(texts)
    seed = int(context.rng("tfidf", "prompt").integers(2**31))
    reduction = TruncatedSVD(5, random_state=seed).fit(terms.transform(texts))
    expected = normalize(reduction.transform(terms.transform(query.texts("prompt"))))

    assert found.dtype == np.float32
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-5)  # up to the signs of the axes
    np.testing.assert_array_equal(found, vectors(TfIdf(dimensions=5), query, context))


@pytest.mark.parametrize("pool", [["one word"], ["x"], ["a b", "b c", "a b c"]])
def test_more_dimensions_than_the_pool_has(pool: list[str], make_examples: Examples) -> None:
    context = NaiveEmbedContext(make_examples(pool))

    found = vectors(TfIdf(dimensions=100), context.pool, context)

    assert found.shape[0] == len(pool)
    assert 1 <= found.shape[1] <= 3
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_vector_depends_on_the_pool_and_its_own_text_alone(
    context: Any, texts: list[str], make_examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = vectors(TfIdf(dimensions=5), make_examples(texts), context)
    monkeypatch.setattr(tfidf, "_BLOCK", 2)

    np.testing.assert_array_equal(vectors(TfIdf(dimensions=5), make_examples(texts), context), together)


def test_each_view_has_its_own_vocabulary(context: Any, make_examples: Examples) -> None:
    encoder = TfIdf().fit(context)
    examples = make_examples(["fox", "yes"])

    (prompts,) = encoder.encode(examples, "pool", "prompt")
    (completions,) = encoder.encode(examples, "pool", "completion")

    assert completions.tolist() == [[1.0], [1.0]]  # "yes" is the only completion
    assert prompts.shape[1] > 1
    assert not prompts[1].any()


def test_a_pool_without_words(make_examples: Examples) -> None:
    context = NaiveEmbedContext(make_examples(["…", "?"]))

    with pytest.raises(ZsgError) as caught:
        vectors(TfIdf(), context.pool, context)
    assert str(caught.value) == "embedder 'tfidf': the pool's texts (view 'prompt') have no words"
