"""Embedders: vectors that say which examples are alike. Vector transforms: what to do with such vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zsg_registry.components import Component
from zsg_registry.context import EmbedContext, Role
from zsg_registry.examples import ExampleSet, View


class EncodedBlock(NamedTuple):
    """A block of vectors, for encoders that also tell how much of the texts they read.

    Attributes:
        vectors: Float32 `[b, d]`.
        truncated: How many of the block's texts were cut to what the encoder reads at most; None if it is not known.
    """

    vectors: NDArray[np.float32]
    truncated: int | None = None


class Encoder(ABC):
    """Turns examples into vectors, after the embedder was fitted."""

    @abstractmethod
    def encode(
        self, examples: ExampleSet, role: Role, view: View
    ) -> Iterator[NDArray[np.float32]] | Iterator[EncodedBlock]:
        """Vectors of the examples in order, in blocks float32 `[b, d]`; a block is what an interrupted run may lose.

        A vector must depend on its own example alone, never on what it is batched with, so that a later call can ask
        for the examples that an interrupted one left over.
        """


class Embedder(Component, ABC):
    """Makes an `Encoder`, fitted to the pool where it needs to be.

    Attributes:
        fitted: Whether the encoder depends on the pool; its vectors are then cached for that pool only.
    """

    kind = "embedder"
    fitted: ClassVar[bool] = False

    @abstractmethod
    def fit(self, context: EmbedContext) -> Encoder:
        """An encoder that is ready to use."""


class TextEmbedder(Embedder):
    """An embedder of plain texts, each on its own: subclasses write `embed`.

    A vector must depend on its text alone: neither on its role nor on the template. (`ModelHandle.encode` is for
    embedders of whole examples.)
    """

    def fit(self, context: EmbedContext) -> Encoder:
        """An encoder of each view's text."""
        return _TextEncoder(self, context)

    @abstractmethod
    def embed(
        self, texts: Sequence[str], context: EmbedContext
    ) -> Iterator[NDArray[np.float32]] | Iterator[EncodedBlock]:
        """Vectors of the texts in order, in blocks float32 `[b, d]`."""


class _TextEncoder(Encoder):
    def __init__(self, embedder: TextEmbedder, context: EmbedContext) -> None:
        self._embedder = embedder
        self._context = context

    def encode(
        self, examples: ExampleSet, role: Role, view: View
    ) -> Iterator[NDArray[np.float32]] | Iterator[EncodedBlock]:
        return self._embedder.embed(examples.texts(view), self._context)


FittedTransform = Callable[[NDArray[np.float32]], NDArray[np.float32]]
"""Turns a block of vectors, float32 `[b, d]`, into another, `[b, e]`: each row by itself."""


class VectorTransform(Component, ABC):
    """Turns the vectors of any embedder into others, behind a pipe: `minilm | whiten`."""

    kind = "vector-transform"

    @abstractmethod
    def fit(self, pool: NDArray[np.float32]) -> FittedTransform:
        """What is done with vectors, as the pool's say. No other role's vectors are ever seen here.

        Args:
            pool: Of one view, float32 `[n, d]`, read-only. They may be mapped from a file larger than the memory: go
                through them in blocks.
        """
