"""Several comparisons at once: the more of them, the stronger each has to be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected so that with 95 % not one of them is below 0.05 by chance alone.

    NaN stays NaN, and is none of the comparisons. Source: Holm (1979), *A simple sequentially rejective multiple test
    procedure*, Scandinavian Journal of Statistics 6(2). It holds however the comparisons depend on each other: here
    they share the random orders.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]  # NaN comes last
    corrected = np.full(values.size, np.nan)
    stepped = values[order] * np.arange(order.size, 0, -1)
    corrected[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return [float(value) for value in corrected]
