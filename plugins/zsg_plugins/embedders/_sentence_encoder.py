"""What sentence encoders share: batches of like lengths under a token budget, and blocks in the texts' own order."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zsg_registry import EmbedContext, TextEmbedder

_log: Final = logging.getLogger("zsg_plugins.embedders")

WINDOW: Final = 4096
"""Texts that are sorted by length together: enough to fill batches evenly, few enough to hold their vectors."""

_CPU_BUDGET: Final = 4096
_ACCELERATOR_BUDGET: Final = 65_536
"""Tokens of a batch, padding included. On a CPU what fits its cache is fastest; an accelerator wants to be filled."""


class SentenceModel(ABC):
    """A loaded model that turns a batch of texts into vectors.

    Attributes:
        max_length: How many tokens of a text it reads, or None for all.
    """

    max_length: int | None

    @abstractmethod
    def measure(self, texts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """The tokens that are read of each text, int64 `[n]`, and whether the text was cut to that, bool `[n]`."""

    @abstractmethod
    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of one batch, float32 `[b, d]`, each independent of the others to about 1e-6."""


class SentenceEmbedder(TextEmbedder):
    """An embedder by a sentence encoder; subclasses load the model, which is kept for the life of the embedder."""

    def __init__(self, *args: object, **values: object) -> None:
        super().__init__(*args, **values)  # type: ignore[arg-type]  # Component's own signature
        self._models: dict[str, SentenceModel] = {}

    @abstractmethod
    def load(self, context: EmbedContext) -> SentenceModel:
        """The model, on `context.device`."""

    def embed(self, texts: Sequence[str], context: EmbedContext) -> Iterator[NDArray[np.float32]]:
        """Vectors of the texts in order, in blocks float32 `[b, d]`."""
        model = self._models.get(context.device)
        if model is None:
            model = self._models[context.device] = self.load(context)
        budget = _CPU_BUDGET if context.device.startswith("cpu") else _ACCELERATOR_BUDGET
        return _blocks(model, texts, budget)


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


def _blocks(model: SentenceModel, texts: Sequence[str], budget: int) -> Iterator[NDArray[np.float32]]:
    truncated = 0
    for start in range(0, len(texts), WINDOW):
        window = texts[start : start + WINDOW]
        # A text that comes again (a task's instruction, a label) is computed once.
        position = {text: n for n, text in enumerate(dict.fromkeys(window))}
        distinct = list(position)
        lengths, is_cut = model.measure(distinct)
        rows = np.fromiter((position[text] for text in window), dtype=np.int64, count=len(window))
        truncated += int(is_cut[rows].sum())
        yield _vectors(model, distinct, lengths, budget)[rows]
    if truncated:
        share = truncated / len(texts)
        _log.warning(
            "%d of %d texts (%.1f %%) were cut to %s tokens", truncated, len(texts), 100 * share, model.max_length
        )


def _vectors(
    model: SentenceModel, texts: Sequence[str], lengths: NDArray[np.int64], budget: int
) -> NDArray[np.float32]:
    result: NDArray[np.float32] | None = None
    for batch in length_sorted_batches(lengths, budget):
        found = model.vectors([texts[position] for position in batch])
        if result is None:
            result = np.empty((len(texts), found.shape[1]), dtype=np.float32)
        result[batch] = found
    assert result is not None
    return result
