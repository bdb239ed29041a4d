"""What encoders of texts share: batches of like lengths under a token budget, blocks in the texts' own order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zsg_registry import EmbedContext, EncodedBlock, TextEmbedder


class Batching(NamedTuple):
    """How texts are put together.

    Attributes:
        window: Texts that are sorted by length together, and a block of vectors: enough to fill batches evenly, few
            enough to be no great loss when a run is interrupted.
        tokens: Of a batch, padding included.
    """

    window: int
    tokens: int


CPU: Final = Batching(window=1024, tokens=1536)
"""What a layer works on should fit the processor's cache."""

ACCELERATOR: Final = Batching(window=16_384, tokens=65_536)
"""It wants to be filled."""

_LARGEST_RECYCLED: Final = 32 * 2**20 - 2**14
"""Bytes: just under the largest block that glibc's allocator may keep for itself (DEFAULT_MMAP_THRESHOLD_MAX)."""


class Tokenized(NamedTuple):
    """Texts as a model reads them.

    Attributes:
        inputs: What the model's `vectors` takes of each text, `n` of them.
        lengths: The tokens that are read of each text, int64 `[n]`.
        is_cut: Whether the text was cut to that, bool `[n]`.
    """

    inputs: Sequence[Any]
    lengths: NDArray[np.int64]
    is_cut: NDArray[np.bool_]


class SentenceModel(ABC):
    """A loaded model that turns a batch of texts into vectors."""

    @abstractmethod
    def tokenize(self, texts: Sequence[str]) -> Tokenized:
        """The texts, cut to what the model reads."""

    @abstractmethod
    def vectors(self, inputs: Sequence[Any]) -> NDArray[np.float32]:
        """The vectors of one batch, float32 `[b, d]`, each independent of the others to about 1e-6."""


class SentenceEmbedder(TextEmbedder):
    """An embedder by a sentence encoder; subclasses load the model, which is kept for the life of the embedder."""

    def __init__(self, *args: object, **values: object) -> None:
        super().__init__(*args, **values)  # type: ignore[arg-type]  # Component's own signature
        self._models: dict[str, SentenceModel] = {}

    @abstractmethod
    def load(self, context: EmbedContext) -> SentenceModel:
        """The model, on `context.device`."""

    def embed(self, texts: Sequence[str], context: EmbedContext) -> Iterator[EncodedBlock]:
        """Vectors of the texts in order, in blocks float32 `[b, d]`, with the number of texts that were cut."""
        on_cpu = context.device.startswith("cpu")
        model = self._models.get(context.device)
        if model is None:
            model = self._models[context.device] = self.load(context)
            if on_cpu:
                _recycle_large_buffers()
        return encoded_blocks(model, texts, CPU if on_cpu else ACCELERATOR)


def length_sorted_batches(lengths: NDArray[np.int64], budget: int) -> Iterator[NDArray[np.int64]]:
    """Positions in batches of falling length, each of at most `budget` tokens with its padding, or of one text.

    The longest come first, so that a batch that does not fit the memory fails at once and not after an hour.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(int(lengths[order[start]]), 1)
        end = start + max(budget // longest, 1)
        yield order[start:end]
        start = end


def encoded_blocks(model: SentenceModel, texts: Sequence[str], batching: Batching) -> Iterator[EncodedBlock]:
    """A model's vectors of texts in their own order, a block for each window."""
    for start in range(0, len(texts), batching.window):
        window = texts[start : start + batching.window]
        # A text that comes again (a task's instruction, a label) is computed once.
        position = {text: n for n, text in enumerate(dict.fromkeys(window))}
        tokenized = model.tokenize(list(position))
        rows = np.fromiter((position[text] for text in window), dtype=np.int64, count=len(window))
        vectors = _vectors(model, tokenized, batching.tokens)
        yield EncodedBlock(vectors[rows], truncated=int(tokenized.is_cut[rows].sum()))


def _vectors(model: SentenceModel, tokenized: Tokenized, budget: int) -> NDArray[np.float32]:
    result: NDArray[np.float32] | None = None
    for batch in length_sorted_batches(tokenized.lengths, budget):
        found = model.vectors([tokenized.inputs[position] for position in batch])
        if result is None:
            result = np.empty((len(tokenized.inputs), found.shape[1]), dtype=np.float32)
        result[batch] = found
    assert result is not None
    return result


def _recycle_large_buffers() -> None:
    """Let the C library reuse the layers' buffers, which it else returns to the system after every operation.

    glibc recycles blocks as large as the largest that was ever freed (mallopt(3), M_MMAP_THRESHOLD). Without it a
    tenth of the time goes into mapping and zeroing the same pages again and again. Other C libraries do as they like.
    """
    np.empty(_LARGEST_RECYCLED, dtype=np.uint8)  # and freed at once
