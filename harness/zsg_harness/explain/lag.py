"""Whether losses move with distances, and how much later."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

LAGS: Final = (0, 1, 2, 3)
"""Evaluations by which the loss is later."""
_FEWEST: Final = 4
"""Pairs of changes that a correlation is taken of at least."""

Floats = NDArray[np.float64]


def lagged_correlations(distance: Floats, loss: Floats) -> Floats:
    """Pearson's correlation of the changes of two curves from one evaluation to the next, the loss's `LAGS` later.

    Changes, and not the curves themselves: two curves that both fall correlate, whatever makes them fall.

    Args:
        distance: Float64 `[n]`; NaN where nothing was consumed yet.
        loss: Float64 `[n]`, at the same evaluations.

    Returns:
        Float64 `[lags]`; NaN where there are fewer than four pairs, or one of the curves does not change.
    """
    known = np.flatnonzero(np.isfinite(distance))
    moved, fell = np.diff(distance[known]), np.diff(loss[known])
    return np.array([_correlation(moved[: len(moved) - lag], fell[lag:]) for lag in LAGS])


def _correlation(a: Floats, b: Floats) -> float:
    if len(a) < _FEWEST or not a.std() or not b.std():
        return np.nan
    return float(np.corrcoef(a, b)[0, 1])
