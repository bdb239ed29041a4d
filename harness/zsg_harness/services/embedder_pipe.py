"""An embedder and the vector transforms behind it: `minilm | whiten`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from zsg_harness.identity import identity
from zsg_harness.matrix.expand import Choice
from zsg_harness.services.cached_vectors import CachedVectors, OnProgress
from zsg_harness.services.context import VectorSource
from zsg_harness.services.embeddings import Embedded, EmbeddingService
from zsg_harness.services.surroundings import EmbedSurroundings
from zsg_harness.store.cache import Cache
from zsg_registry import Embedder, ExampleSet, FittedTransform, Role, VectorTransform, View

_BLOCK: Final = 8192


class KeyedSource(VectorSource, Protocol):
    """A source of vectors that says what they depend on."""

    def key(self, examples: ExampleSet, role: Role, view: View) -> str:
        """A hash of everything that those vectors depend on."""


def embedder_pipe(
    choice: Choice,
    context: EmbedSurroundings,
    model_key: str,
    cache: Cache,
    on_progress: OnProgress | None = None,
) -> KeyedSource:
    """The vectors that an embedder's pipe gives.

    Args:
        choice: An embedder, then vector transforms.
        context: What they are told.
        model_key: Stands for the loaded base model.
        cache: Where vectors are kept.
        on_progress: Told how far the embedding is.
    """
    embedder, *transforms = choice.components
    first, *others = choice.identity
    source: KeyedSource = EmbeddingService(cast("Embedder", embedder), [first], context, model_key, cache, on_progress)
    for transform, own in zip(transforms, others, strict=True):
        source = TransformedVectors(source, cast("VectorTransform", transform), own, context.pool, cache)
    return source


class TransformedVectors:
    """Another source's vectors, transformed as the pool's of the same view say, and cached like them."""

    def __init__(
        self, source: KeyedSource, transform: VectorTransform, transform_identity: Any, pool: ExampleSet, cache: Cache
    ) -> None:
        self._source = source
        self._transform = transform
        self._identity = transform_identity
        self._pool = pool
        self._cached = CachedVectors(cache)
        self._fitted: dict[View, FittedTransform] = {}

    @property
    def embedded(self) -> Sequence[Embedded]:
        """What was embedded so far."""
        return self._source.embedded

    def vectors(self, examples: ExampleSet, role: Role, view: View) -> NDArray[np.float32]:
        """Transformed vectors, float32 `[n, e]`, memory-mapped and read-only.

        Raises:
            ContractError: The transform gives vectors of the wrong number or of different lengths.
            ZsgError: It gives a vector that is zero or not a number.
        """
        plain = self._source.vectors(examples, role, view)

        def compute(start: int) -> Iterator[NDArray[np.float32]]:
            if view not in self._fitted:
                self._fitted[view] = self._transform.fit(self._source.vectors(self._pool, "pool", view))
            transformed = self._fitted[view]
            return (transformed(plain[first : first + _BLOCK]) for first in range(start, len(plain), _BLOCK))

        who = f"vector transform {type(self._transform).__name__}"
        return self._cached.get(self.key(examples, role, view), examples, who, compute).vectors

    def release(self) -> None:
        """Let go of what was fitted, and of models."""
        self._fitted.clear()
        self._source.release()

    def key(self, examples: ExampleSet, role: Role, view: View) -> str:
        """A hash of everything that the vectors depend on."""
        return identity(
            {
                "transform": self._identity,
                "of": self._source.key(examples, role, view),
                "pool": self._source.key(self._pool, "pool", view),
            }
        )
