"""The vector transform `center`: the pool's mean is taken away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zsg_plugins.vector_transforms._moments import mean_of
from zsg_registry import FittedTransform, VectorTransform


class Center(VectorTransform):
    """Subtracts the pool's mean from every vector.

    Vectors of language models share a large common direction, which hides in every cosine what tells texts apart: Mu
    and Viswanath, "All-but-the-Top" (arXiv 1702.01417).
    """

    def fit(self, pool: NDArray[np.float32]) -> FittedTransform:
        """The subtraction of the pool's mean."""
        mean = mean_of(pool)
        return lambda vectors: (vectors - mean).astype(np.float32)
