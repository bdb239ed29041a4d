"""The embedder `hashed-ngrams`: runs of words or characters, each hashed to a dimension. No model, no vocabulary."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from zsg_registry import EmbedContext, Parameters, TextEmbedder

_BLOCK: Final = 4096
_WORDS: Final = r"(?u)\b\w+\b"
"""Unlike scikit-learn's own pattern it keeps words of one character: an answer is often "A" or "3"."""


class HashedNgrams(TextEmbedder):
    """Counts of n-grams, hashed to a fixed number of dimensions with a sign, scaled to length 1.

    Weinberger et al., "Feature Hashing for Large Scale Multitask Learning" (2009), as scikit-learn computes it: the
    signs let collisions cancel on average, so that inner products are unbiased. Nothing is fitted: a text has one
    vector whatever the pool. A text without an n-gram, or whose n-grams cancel, is hashed as a whole.
    """

    class Params(Parameters):
        """What is counted, and into how many dimensions."""

        dimensions: int = Field(default=2048, ge=2, le=2**20)
        """Of the vectors. Fewer are smaller, and let more n-grams collide."""

        of: Literal["words", "characters"] = "words"
        """What an n-gram is made of; those of characters stay within a word."""

        shortest: int = Field(default=1, ge=1)
        """The least n."""

        longest: int = Field(default=2, ge=1, le=16)
        """The greatest n."""

        @model_validator(mode="after")
        def _ordered(self) -> HashedNgrams.Params:
            if self.shortest > self.longest:
                raise ValueError(f"shortest = {self.shortest} is more than longest = {self.longest}")
            return self

    params: Params

    def embed(self, texts: Sequence[str], context: EmbedContext) -> Iterator[NDArray[np.float32]]:
        """Vectors of the texts in order, in blocks float32 `[b, d]`."""
        from sklearn.feature_extraction.text import HashingVectorizer

        params = self.params
        vectorizer = HashingVectorizer(
            n_features=params.dimensions,
            analyzer="word" if params.of == "words" else "char_wb",
            ngram_range=(params.shortest, params.longest),
            token_pattern=_WORDS,
            alternate_sign=True,
            norm="l2",
            dtype=np.float32,
        )
        for start in range(0, len(texts), _BLOCK):
            block = texts[start : start + _BLOCK]
            vectors = vectorizer.transform(block).toarray()
            for row in np.flatnonzero(~vectors.any(axis=1)).tolist():
                vectors[row, _place(block[row], params.dimensions)] = 1.0
            yield vectors


def _place(text: str, dimensions: int) -> int:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % dimensions
