"""The embedders `gtr-t5-base`, `bge` and `e5`: well-known sentence encoders, each at one commit of its hub page."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.embedders.sentence_transformers import SentenceTransformers
from zsg_registry import EmbedContext, Embedder, EncodedBlock, Encoder, ExampleSet, Parameters, Role, TextEmbedder, View


class _Pin(NamedTuple):
    model: str
    revision: str


_GTR: Final = _Pin("sentence-transformers/gtr-t5-base", "7027e9594267928589816394bdd295273ddc0739")
_BGE: Final = {
    "small": _Pin("BAAI/bge-small-en-v1.5", "5c38ec7c405ec4b44b94cc5a9bb96e735b38267a"),
    "base": _Pin("BAAI/bge-base-en-v1.5", "a5beb1e3e68b9ab74eb54cfd186867f64f240e1a"),
    "large": _Pin("BAAI/bge-large-en-v1.5", "d4aa6901d3a41ba39fb536a557fa166f842b0e09"),
}
_E5: Final = _Pin("intfloat/e5-base-v2", "1c644c92ad3ba1efdad3f1451a637716616a20e8")


class PinnedParameters(Parameters):
    """How texts go into the model."""

    max_length: int | None = Field(default=None, ge=3)
    """Tokens that are read of each text; by default as many as the model prescribes."""

    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """The weights' type. Less than float32 is faster, and may flip near-ties in an order."""


class _Pinned(TextEmbedder):
    """`sentence-transformers` with its model filled in."""

    params: PinnedParameters

    @property
    @abstractmethod
    def pin(self) -> _Pin:
        """Which model."""

    def unavailable(self) -> str | None:
        """Tells when the model would have to be downloaded and the network is off."""
        return _encoder(self.pin, self.params).unavailable()

    def embed(
        self, texts: Sequence[str], context: EmbedContext
    ) -> Iterator[NDArray[np.float32]] | Iterator[EncodedBlock]:
        """Vectors of the texts in order, in blocks float32 `[b, d]`, with the number of texts that were cut."""
        return _encoder(self.pin, self.params).embed(texts, context)


class GtrT5Base(_Pinned):
    """gtr-t5-base, the encoder of a T5 trained for retrieval (110 million parameters).

    Ni et al., "Large Dual Encoders Are Generalizable Retrievers" (arXiv 2112.07899). Apache-2.0.
    """

    class Params(PinnedParameters):
        """How texts go into the model."""

    params: Params

    @property
    def pin(self) -> _Pin:
        """Which model."""
        return _GTR


class Bge(_Pinned):
    """bge-base-en-v1.5 (or small, or large), a general encoder of English texts.

    Xiao et al., "C-Pack: Packed Resources For General Chinese Embeddings" (arXiv 2309.07597). MIT. Texts go in without
    the instruction that its authors give to short questions which look for long passages: here both sides are alike.
    """

    class Params(PinnedParameters):
        """Which of the models, and how texts go into it."""

        size: Literal["small", "base", "large"] = "base"
        """33, 109 or 335 million parameters."""

    params: Params

    @property
    def pin(self) -> _Pin:
        """Which model."""
        return _BGE[self.params.size]


class E5(Embedder):
    """e5-base-v2, a general encoder of English texts, with the prefixes it was trained on (109 million parameters).

    Wang et al., "Text Embeddings by Weakly-Supervised Contrastive Pre-training" (arXiv 2212.03533). MIT. Its authors
    say "query: " for all texts where both sides are alike, and "passage: " for what is looked for in a retrieval.
    """

    class Params(PinnedParameters):
        """How texts go into the model."""

        retrieval: bool = False
        """Put "passage: " before the pool's texts and "query: " before the query's, instead of "query: " before all."""

    params: Params

    def unavailable(self) -> str | None:
        """Tells when the model would have to be downloaded and the network is off."""
        return _encoder(_E5, self.params).unavailable()

    def fit(self, context: EmbedContext) -> Encoder:
        """An encoder that puts a role's prefix before its texts."""
        return _Prefixing(_encoder(_E5, self.params, prompt=""), context, self.params.retrieval)


class _Prefixing(Encoder):
    def __init__(self, encoder: SentenceTransformers, context: EmbedContext, retrieval: bool) -> None:
        self._encoder = encoder
        self._context = context
        self._retrieval = retrieval

    def encode(self, examples: ExampleSet, role: Role, view: View) -> Iterator[EncodedBlock]:
        prefix = "passage: " if self._retrieval and role == "pool" else "query: "
        return self._encoder.embed([f"{prefix}{text}" for text in examples.texts(view)], self._context)


def _encoder(pin: _Pin, params: PinnedParameters, prompt: str | None = None) -> SentenceTransformers:
    return SentenceTransformers(
        model=pin.model, revision=pin.revision, prompt=prompt, max_length=params.max_length, dtype=params.dtype
    )
