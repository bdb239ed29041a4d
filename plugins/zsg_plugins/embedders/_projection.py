"""Random projection: long vectors become short ones, and inner products stay about what they were."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    import torch

_SIGNS: Final = 2**24
"""Signs that are held at once."""


class RademacherProjection:
    """Multiplies by a matrix of random signs, over the square root of the dimensions that are left.

    Achlioptas, "Database-friendly random projections" (2003). For unit vectors u and v, k dimensions and 0 < ε < 1,

        P(|⟨Pu, Pv⟩ − ⟨u, v⟩| > ε) ≤ 4 exp(−k (ε² / 4 − ε³ / 6)),

    which is his bound for the lengths of u + v and u − v, whose difference is the inner product. An inner product is
    not biased, and its standard deviation is at most √(2 / k). The matrix is never whole: its rows are drawn anew,
    from the same seed, a block at a time.
    """

    def __init__(self, dimensions: int, rng: Callable[[int], np.random.Generator]) -> None:
        """Take how long the vectors become.

        Args:
            dimensions: k.
            rng: A generator for each block of the matrix, the same whenever it is asked for.
        """
        self._dimensions = dimensions
        self._rng = rng
        self._rows = max(1, _SIGNS // dimensions)

    def __call__(self, vectors: torch.Tensor) -> torch.Tensor:
        """Project vectors, `[b, d]`, to `[b, k]`."""
        result = vectors.new_zeros((len(vectors), self._dimensions))
        for block, start in enumerate(range(0, vectors.shape[1], self._rows)):
            part = vectors[:, start : start + self._rows]
            result += part @ self._signs(block, part.shape[1]).to(vectors)
        return result / math.sqrt(self._dimensions)

    def _signs(self, block: int, rows: int) -> torch.Tensor:
        """Some rows of the matrix, ±1, int8 `[rows, k]`."""
        import torch

        count = rows * self._dimensions
        bits = np.unpackbits(np.frombuffer(self._rng(block).bytes(-(-count // 8)), dtype=np.uint8), count=count)
        return torch.from_numpy(bits.view(np.int8) * 2 - 1).view(rows, self._dimensions)
