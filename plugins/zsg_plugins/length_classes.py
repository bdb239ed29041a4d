"""Classes of examples of about the same length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def length_classes(lengths: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """The class of each length, int64 `[n]`, numbered from the shortest without a gap.

    The class is the share of lengths that are less, in `classes` equal parts: about equally many examples make a
    class, equal lengths are of one, and there may be fewer classes than were asked for.

    Args:
        lengths: int64 `[n]`.
        classes: At most how many.
    """
    less = np.searchsorted(np.sort(lengths), lengths)
    _, numbered = np.unique(less * classes // max(len(lengths), 1), return_inverse=True)
    return numbered
