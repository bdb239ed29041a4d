"""The embedder `tfidf`: words weighted by their rarity in the pool. No model, no download."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_registry import EmbedContext, Embedder, Encoder, ExampleSet, Parameters, Role, View, ZsgError

_BLOCK: Final = 4096


class TfIdf(Embedder):
    """Term frequency × inverse document frequency of the pool's words, scaled to length 1.

    Spärck Jones, "A statistical interpretation of term specificity" (1972), as scikit-learn computes it; with
    `dimensions`, latent semantic analysis (Deerwester et al., 1990) by a randomized SVD (Halko et al., 2011).
    Each view has a vocabulary of its own, of the pool alone: a text without a known word is a vector of zeros.
    """

    class Params(Parameters):
        """The vocabulary, and what becomes of it."""

        max_features: int = Field(default=2048, ge=1)
        """How many of the pool's most frequent words (or n-grams) to keep."""

        max_ngram: int = Field(default=1, ge=1, le=5)
        """The longest run of words that counts as a term."""

        dimensions: int | None = Field(default=None, ge=1)
        """Reduce the vectors to this many dimensions."""

    params: Params
    fitted = True

    def fit(self, context: EmbedContext) -> Encoder:
        """An encoder whose vocabulary comes from the pool, built when a view is first asked for."""
        return _TfIdfEncoder(self.params, context)


class _TfIdfEncoder(Encoder):
    def __init__(self, params: TfIdf.Params, context: EmbedContext) -> None:
        self._params = params
        self._context = context
        self._fits: dict[View, tuple[Any, NDArray[np.float32] | None]] = {}

    def encode(self, examples: ExampleSet, role: Role, view: View) -> Iterator[NDArray[np.float32]]:
        if view not in self._fits:
            self._fits[view] = self._fit(view)
        vectorizer, axes = self._fits[view]
        texts = examples.texts(view)
        for start in range(0, len(texts), _BLOCK):
            terms = vectorizer.transform(texts[start : start + _BLOCK])
            yield terms.toarray() if axes is None else _unit(terms @ axes)

    def _fit(self, view: View) -> tuple[Any, NDArray[np.float32] | None]:
        """The vectorizer, and the axes to project on, float32 `[terms, dimensions]`, or None."""
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.utils.extmath import randomized_svd

        vectorizer = TfidfVectorizer(
            max_features=self._params.max_features,
            ngram_range=(1, self._params.max_ngram),
            # Unlike scikit-learn's own pattern it keeps words of one character: an answer is often "A" or "3".
            token_pattern=r"(?u)\b\w+\b",
            dtype=np.float32,
        )
        try:
            terms = vectorizer.fit_transform(self._context.pool.texts(view))
        except ValueError:
            raise ZsgError(f"embedder 'tfidf': the pool's texts (view {view!r}) have no words") from None
        if self._params.dimensions is None:
            return vectorizer, None
        seed = int(self._context.rng("tfidf", view).integers(2**31))
        rank = min(self._params.dimensions, *terms.shape)
        # What TruncatedSVD does, without its demand for two features and its division by a variance of zero.
        return vectorizer, randomized_svd(terms, rank, n_iter=5, random_state=seed)[2].T.astype(np.float32)


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: NDArray[np.float32] = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return unit
