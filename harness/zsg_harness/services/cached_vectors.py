"""Vectors by key: computed once, block by block, checked before they are kept, mapped from a file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zsg_harness.services.vector_file import VectorFile, read_tally, read_vectors
from zsg_harness.store.cache import Cache
from zsg_registry import ContractError, EncodedBlock, ExampleSet, ZsgError

OnProgress = Callable[[int, int], None]
"""Told how many texts of how many are embedded."""

Compute = Callable[[int], Iterator[NDArray[np.float32]] | Iterator[EncodedBlock]]
"""Gives the vectors from some example on, in blocks."""


class Found(NamedTuple):
    """Vectors of the cache.

    Attributes:
        vectors: Float32 `[n, d]`, memory-mapped and read-only.
        truncated: How many of the texts were cut; None if that is not known.
    """

    vectors: NDArray[np.float32]
    truncated: int | None


class CachedVectors:
    """The vectors of a cache. What is not there is computed; whoever else needs it meanwhile waits for it.

    A process that is killed leaves whole blocks, and the next one goes on behind them.
    """

    def __init__(self, cache: Cache, on_progress: OnProgress | None = None) -> None:
        self._cache = cache
        self._on_progress = on_progress

    def get(self, key: str, examples: ExampleSet, who: str, compute: Compute) -> Found:
        """The vectors of some examples.

        Args:
            key: Stands for all that they depend on.
            examples: Whose they are.
            who: What computes them, for errors.
            compute: Computes those that are not there.

        Raises:
            ContractError: What was computed is the wrong number of vectors, or of different lengths.
            ZsgError: A vector is zero or not a number.
        """
        name = f"embeddings/{key}"
        files = (f"{name}.json", f"{name}.npy")
        path = self._cache.path(f"{name}.npy")
        if not self._cache.holds(*files):
            with self._cache.alone(name):
                if not self._cache.holds(*files):
                    with VectorFile(path, len(examples)) as file:
                        self._write(file, examples, who, compute)
                    self._cache.publish(*files)
        tally = read_tally(path)
        return Found(read_vectors(path), None if tally is None else tally.truncated)

    def _write(self, file: VectorFile, examples: ExampleSet, who: str, compute: Compute) -> None:
        """Add what an earlier process has not written, block by block."""
        self._report(file.tally.rows, len(examples))
        if file.tally.rows < len(examples):
            start = file.tally.rows
            for block in _checked(compute(start), examples, start, file.tally.dimensions, who):
                file.append(block)
                self._report(file.tally.rows, len(examples))
        file.publish()

    def _report(self, done: int, total: int) -> None:
        if self._on_progress is not None:
            self._on_progress(done, total)


def _checked(
    blocks: Iterator[NDArray[np.float32]] | Iterator[EncodedBlock],
    examples: ExampleSet,
    start: int,
    dimensions: int,
    who: str,
) -> Iterator[EncodedBlock]:
    """The blocks from `start` on, checked; the first sets the dimensions where they are 0."""
    wanted = len(examples) - start
    done = 0
    for encoded in blocks:
        block = encoded if isinstance(encoded, EncodedBlock) else EncodedBlock(encoded)
        vectors = np.asarray(block.vectors, dtype=np.float32)
        if vectors.ndim != 2 or not vectors.shape[1] or dimensions not in (0, vectors.shape[1]):
            shape = " × ".join(map(str, vectors.shape)) or "a single number"
            raise ContractError(f"{who} gave a block of shape {shape} instead of b × {dimensions or 'd'}")
        dimensions = vectors.shape[1]
        done += len(vectors)
        if done > wanted:
            break
        unusable = np.flatnonzero(~(np.isfinite(vectors).all(axis=1) & vectors.any(axis=1)))
        if len(unusable):
            example = examples.take([start + done - len(vectors) + int(unusable[0])]).ids[0]
            raise ZsgError(f"{who} gave example {example!r} a vector that is zero or not a number")
        if len(vectors):
            yield block._replace(vectors=vectors)
    if done != wanted:
        more = "or more " if done > wanted else ""
        raise ContractError(f"{who} gave {done} {more}vectors for {wanted} examples")
