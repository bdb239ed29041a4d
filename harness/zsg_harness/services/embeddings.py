"""Embeddings by content: computed once for all cells that need the same vectors."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zsg_harness.plan.identity import identity
from zsg_harness.store.atomic import write_bytes
from zsg_registry import EmbedContext, Embedder, Encoder, ExampleSet, Need, Role, TextEmbedder, View, ZsgError


class EmbeddingService:
    """An embedder with a cache in the store.

    The key holds everything a vector depends on: the embedder's identity, the view, the texts; the pool's texts if
    the embedder is fitted to them; the model if it uses one; the role, unless the embedder sees only texts.
    """

    def __init__(
        self, embedder: Embedder, embedder_identity: Any, context: EmbedContext, model_hash: str, cache: Path
    ) -> None:
        self._embedder = embedder
        self._identity = embedder_identity
        self._context = context
        self._model_hash = model_hash if Need.MODEL in embedder.needs else None
        self._cache = cache / "embeddings"
        self._encoder: Encoder | None = None

    def vectors(self, examples: ExampleSet, role: Role, view: View) -> NDArray[np.float32]:
        """Embeddings, float32 `[n, d]`, memory-mapped and read-only.

        Raises:
            ZsgError: The embedder yields the wrong number of vectors, a NaN or a zero vector.
        """
        key = identity(
            {
                "embedder": self._identity,
                "view": view,
                "texts": hash_texts(examples.texts(view)),
                "pool": hash_texts(self._context.pool.texts(view)) if self._embedder.fitted else None,
                "model": self._model_hash,
                "role": None if isinstance(self._embedder, TextEmbedder) else role,
            }
        )
        return cached_array(self._cache / f"{key}.npy", lambda: self._compute(examples, role, view))

    def _compute(self, examples: ExampleSet, role: Role, view: View) -> NDArray[np.float32]:
        if self._encoder is None:
            self._encoder = self._embedder.fit(self._context)
        blocks = [np.asarray(block, dtype=np.float32) for block in self._encoder.encode(examples, role, view)]
        vectors = np.concatenate(blocks) if blocks else np.empty((0, 1), dtype=np.float32)
        name = type(self._embedder).__name__
        if vectors.ndim != 2 or len(vectors) != len(examples):
            raise ZsgError(f"embedder {name} gave vectors of shape {list(vectors.shape)} for {len(examples)} examples")
        norms = np.linalg.norm(vectors, axis=1)
        unusable = np.flatnonzero(~np.isfinite(norms) | (norms == 0))
        if len(unusable):
            example = examples.take(unusable[:1]).ids[0]
            raise ZsgError(f"embedder {name} gave example {example!r} a vector that is zero or not a number")
        return vectors


def cached_array(path: Path, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
    """The array at `path`, computed and written there if it is not, memory-mapped."""
    if not path.is_file():
        buffer = io.BytesIO()
        np.save(buffer, compute(), allow_pickle=False)
        write_bytes(path, buffer.getvalue())
    array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    return array


def hash_texts(texts: Sequence[str]) -> str:
    """A hash of a list of texts that no other list has."""
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()
