"""Embeddings by content: computed once for all cells that need the same vectors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zsg_harness.identity import identity
from zsg_harness.services.cached_vectors import CachedVectors, OnProgress
from zsg_harness.services.surroundings import EmbedSurroundings
from zsg_harness.store.cache import Cache
from zsg_registry import Embedder, EncodedBlock, Encoder, ExampleSet, Need, Role, TextEmbedder, View


@dataclass(frozen=True, slots=True)
class Embedded:
    """What was embedded.

    Attributes:
        role: Whose examples.
        view: Which of their texts.
        texts: How many.
        truncated: How many of them the encoder cut to what it reads at most; None if it does not tell.
    """

    role: Role
    view: View
    texts: int
    truncated: int | None


class EmbeddingService:
    """An embedder with a cache, where other processes find what one has computed, whole or in part."""

    def __init__(
        self,
        embedder: Embedder,
        embedder_identity: Any,
        context: EmbedSurroundings,
        model_key: str,
        cache: Cache,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._embedder = embedder
        self._identity = embedder_identity
        self._context = context
        self._model_key = model_key if Need.MODEL in embedder.needs else None
        self._cached = CachedVectors(cache, on_progress)
        self._encoder: Encoder | None = None
        self._embedded: dict[tuple[Role, View], Embedded] = {}

    @property
    def embedded(self) -> tuple[Embedded, ...]:
        """What was asked for so far, from the cache or not."""
        return tuple(self._embedded.values())

    def vectors(self, examples: ExampleSet, role: Role, view: View) -> NDArray[np.float32]:
        """Embeddings, float32 `[n, d]`, memory-mapped and read-only.

        Raises:
            ContractError: The embedder yields the wrong number of vectors, or of different lengths; or the view needs
                a withheld field.
            ZsgError: It yields a vector that is zero or not a number.
        """

        def compute(start: int) -> Iterator[NDArray[np.float32]] | Iterator[EncodedBlock]:
            if self._encoder is None:
                self._encoder = self._embedder.fit(self._context)
            rest = examples.take(np.arange(start, len(examples))) if start else examples
            return self._encoder.encode(rest, role, view)

        who = f"embedder {type(self._embedder).__name__}"
        found = self._cached.get(self.key(examples, role, view), examples, who, compute)
        self._embedded[role, view] = Embedded(role, view, len(examples), found.truncated)
        return found.vectors

    def release(self) -> None:
        """Let go of the encoder and its model; it is fitted again if more is asked for."""
        self._encoder = None

    def key(self, examples: ExampleSet, role: Role, view: View) -> str:
        """A hash of everything that the vectors of a role depend on.

        That is the embedder's identity, the view, and the texts; the pool's texts if the embedder is fitted to them;
        the loaded model if it uses one. An embedder that sees more than texts may go by anything it is shown: then also
        the role, and the examples (and the pool, if it is fitted) with all their fields, and how they become tokens
        of the model.

        Raises:
            ContractError: The view needs a withheld field.
        """
        pool = self._context.pool
        parts: dict[str, Any] = {
            "embedder": self._identity,
            "view": view,
            "texts": hash_texts(examples.texts(view)),
            "pool": hash_texts(pool.texts(view)) if self._embedder.fitted else None,
            "model": self._model_key,
            "role": None,
        }
        if not isinstance(self._embedder, TextEmbedder):
            parts |= {"role": role, "examples": hash_examples(examples)}
            parts["pool"] = hash_examples(pool) if self._embedder.fitted else None
            if self._model_key is not None:
                parts["form"] = self._context.form.content()
        return identity(parts)


def hash_texts(texts: Sequence[str]) -> str:
    """A hash of a list of texts that no other list has."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()


def hash_examples(examples: ExampleSet) -> str:
    """A hash of examples with all the fields that a plugin is shown."""
    columns = [examples.arrow.column(name).to_pylist() for name in examples.columns]
    rows = (json.dumps(row) for row in zip(*columns, strict=True))
    return hash_texts([json.dumps(examples.columns), *rows])
