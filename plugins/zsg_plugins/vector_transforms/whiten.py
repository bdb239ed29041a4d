"""The vector transform `whiten`: the pool varies alike in all directions."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.vector_transforms._moments import covariance_of, mean_of
from zsg_registry import FittedTransform, Parameters, VectorTransform, ZsgError

_PRECISION: Final = float(np.finfo(np.float32).eps)


class Whiten(VectorTransform):
    """Subtracts the pool's mean, and scales the principal directions to the same variance.

    Su et al., "Whitening Sentence Representations for Better Semantics and Faster Retrieval" (arXiv 2103.15316).
    Directions in which the pool does not vary are left out. A pool of hardly more vectors than these have dimensions
    is whitened until all are equally far apart: then keep fewer `dimensions`.
    """

    class Params(Parameters):
        """How many directions are kept."""

        dimensions: int | None = Field(default=None, ge=1)
        """The directions of the greatest variance; by default all in which the pool varies."""

    params: Params

    def fit(self, pool: NDArray[np.float32]) -> FittedTransform:
        """The projection on the pool's principal directions, each divided by its standard deviation.

        Raises:
            ZsgError: The pool's vectors are all the same.
        """
        mean = mean_of(pool)
        variances, directions = np.linalg.eigh(covariance_of(pool, mean))
        # Below that a variance is the rounding of the float32 vectors themselves.
        noise = (_PRECISION * np.abs(mean).max()) ** 2
        varies = variances > max(variances[-1] * _PRECISION * len(variances), noise)
        if not varies.any():
            raise ZsgError("vector transform 'whiten': the pool's vectors are all the same")
        kept = np.flatnonzero(varies)[::-1][: self.params.dimensions]
        axes = directions[:, kept] / np.sqrt(variances[kept])
        return lambda vectors: ((vectors - mean) @ axes).astype(np.float32)
