"""What was trained on when: each task's and each source's share of every part of training."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zsg_harness.explain.consumed import Consumed

BINS = 10


@dataclass(frozen=True, slots=True)
class Mix:
    """The shares of tasks, or of sources, over training.

    Attributes:
        ends: The last step of each part; the parts are of as many steps, but for rounding.
        shares: Of each task its share of the examples of every part; first those that fill most of some part.
    """

    ends: tuple[int, ...]
    shares: dict[str, tuple[float, ...]]


def mix(consumed: Consumed, of: Literal["task", "source"]) -> Mix:
    """The shares of tasks or of sources over training."""
    last = int(consumed.steps[-1])
    ends = sorted({round(part * last / min(BINS, last)) for part in range(1, min(BINS, last) + 1)})
    names = np.array([name or "" for name in consumed.roles.pool[of]], dtype=object)[consumed.rows]
    parts = np.searchsorted(ends, consumed.steps)
    counts = [_counts(names[parts == part]) for part in range(len(ends))]
    shares = {name: tuple(count[name] / count.total() for count in counts) for name in sorted(set(names))}
    return Mix(tuple(ends), dict(sorted(shares.items(), key=lambda item: -max(item[1]))))


def _counts(names: NDArray[np.object_]) -> Counter[str]:
    return Counter(names.tolist())
