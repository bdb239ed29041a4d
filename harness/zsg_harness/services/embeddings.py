"""Embeddings by content: computed once for all cells that need the same vectors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zsg_harness.plan.identity import identity
from zsg_harness.services.vector_file import VectorFile, read_tally, read_vectors
from zsg_harness.store.cache import Cache
from zsg_registry import (
    ContractError,
    EmbedContext,
    Embedder,
    EncodedBlock,
    Encoder,
    ExampleSet,
    Need,
    Role,
    TextEmbedder,
    View,
    ZsgError,
)

OnProgress = Callable[[int, int], None]
"""Told how many texts of how many are embedded."""


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
    """An embedder with a cache, where other processes find what one has computed, whole or in part.

    The key holds everything a vector depends on: the embedder's identity, the view, the texts; the pool's texts if
    the embedder is fitted to them; the model if it uses one; the role, unless the embedder sees only texts.
    """

    def __init__(
        self,
        embedder: Embedder,
        embedder_identity: Any,
        context: EmbedContext,
        model_hash: str,
        cache: Cache,
        on_progress: OnProgress | None = None,
    ) -> None:
        self._embedder = embedder
        self._identity = embedder_identity
        self._context = context
        self._model_hash = model_hash if Need.MODEL in embedder.needs else None
        self._cache = cache
        self._on_progress = on_progress
        self._encoder: Encoder | None = None
        self._embedded: dict[tuple[Role, View], Embedded] = {}

    @property
    def embedded(self) -> tuple[Embedded, ...]:
        """What was asked for so far, from the cache or not."""
        return tuple(self._embedded.values())

    def vectors(self, examples: ExampleSet, role: Role, view: View) -> NDArray[np.float32]:
        """Embeddings, float32 `[n, d]`, memory-mapped and read-only.

        Raises:
            ContractError: The embedder yields the wrong number of vectors, or of different lengths.
            ZsgError: It yields a vector that is zero or not a number.
        """
        name = f"embeddings/{self._key(examples, role, view)}"
        files = (f"{name}.json", f"{name}.npy")
        path = self._cache.path(f"{name}.npy")
        if not self._cache.holds(*files):
            with self._cache.alone(name):
                if not self._cache.holds(*files):
                    self._write(path, examples, role, view)
                    self._cache.publish(*files)
        tally = read_tally(path)
        self._embedded[role, view] = Embedded(role, view, len(examples), None if tally is None else tally.truncated)
        return read_vectors(path)

    def _key(self, examples: ExampleSet, role: Role, view: View) -> str:
        return identity(
            {
                "embedder": self._identity,
                "view": view,
                "texts": hash_texts(examples.texts(view)),
                "pool": hash_texts(self._context.pool.texts(view)) if self._embedder.fitted else None,
                "model": self._model_hash,
                "role": None if isinstance(self._embedder, TextEmbedder) else role,
            }
        )

    def _write(self, path: Path, examples: ExampleSet, role: Role, view: View) -> None:
        """Embed what an earlier process has not, block by block."""
        with VectorFile(path, len(examples)) as file:
            self._report(file.tally.rows, len(examples))
            if file.tally.rows < len(examples):
                rest = examples.take(np.arange(file.tally.rows, len(examples))) if file.tally.rows else examples
                for block in self._blocks(rest, role, view, file.tally.dimensions):
                    file.append(block)
                    self._report(file.tally.rows, len(examples))
            file.publish()

    def _blocks(self, examples: ExampleSet, role: Role, view: View, dimensions: int) -> Iterator[EncodedBlock]:
        """The encoder's blocks, checked; the first sets the dimensions where they are 0."""
        if self._encoder is None:
            self._encoder = self._embedder.fit(self._context)
        name = type(self._embedder).__name__
        done = 0
        for encoded in self._encoder.encode(examples, role, view):
            block = encoded if isinstance(encoded, EncodedBlock) else EncodedBlock(encoded)
            vectors = np.asarray(block.vectors, dtype=np.float32)
            if vectors.ndim != 2 or not vectors.shape[1] or dimensions not in (0, vectors.shape[1]):
                wanted = f"b × {dimensions or 'd'}"
                raise ContractError(f"embedder {name} gave a block of shape {_shape(vectors)} instead of {wanted}")
            dimensions = vectors.shape[1]
            done += len(vectors)
            if done > len(examples):
                break
            unusable = np.flatnonzero(~(np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)))
            if len(unusable):
                example = examples.take([done - len(vectors) + int(unusable[0])]).ids[0]
                raise ZsgError(f"embedder {name} gave example {example!r} a vector that is zero or not a number")
            if len(vectors):
                yield block._replace(vectors=vectors)
        if done != len(examples):
            more = "or more " if done > len(examples) else ""
            raise ContractError(f"embedder {name} gave {done} {more}vectors for {len(examples)} examples")

    def _report(self, done: int, total: int) -> None:
        if self._on_progress is not None:
            self._on_progress(done, total)


def _shape(vectors: NDArray[np.float32]) -> str:
    return " × ".join(map(str, vectors.shape)) or "a single number"


def hash_texts(texts: Sequence[str]) -> str:
    """A hash of a list of texts that no other list has."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
