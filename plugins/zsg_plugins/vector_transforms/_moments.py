"""Mean and covariance of vectors that may be larger than the memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

_BLOCK: Final = 8192


def mean_of(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Their mean, float64 `[d]`."""
    total = np.zeros(vectors.shape[1])
    for block in _blocks(vectors):
        total += block.sum(axis=0)
    return total / len(vectors)


def covariance_of(vectors: NDArray[np.float32], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Their covariance around a mean, float64 `[d, d]`."""
    total = np.zeros((vectors.shape[1], vectors.shape[1]))
    for block in _blocks(vectors):
        total += (block - mean).T @ (block - mean)
    return total / len(vectors)


def _blocks(vectors: NDArray[np.float32]) -> Iterator[NDArray[np.float64]]:
    return (vectors[start : start + _BLOCK].astype(np.float64) for start in range(0, len(vectors), _BLOCK))
