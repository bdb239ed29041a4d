"""The difference of two arrangements.

The unit of replication is a distinct order within a block. Tasks are held fixed: an interval says what another order
(or another block) would have given on the same unseen tasks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from zsg_harness.reports.statistics.intervals import Estimate, Interval, estimated_mean, single_order, welch


class Difference(NamedTuple):
    """An arrangement minus another, such as random, and how many replicates stand behind it.

    Attributes:
        interval: The difference and its 95 % limits.
        replicates: Replicates of the side that varies and has the fewest.
        p_value: That of no difference, two-sided.
    """

    interval: Interval
    replicates: int
    p_value: float


@dataclass(frozen=True, slots=True)
class Sample:
    """A figure of an arrangement.

    Attributes:
        values: Those of its distinct orders, by block.
        stochastic: Whether another order seed could have given it another order. One that could not does not vary
            within a block, and a single order of it is all there is.
    """

    values: Mapping[str, Sequence[float]]
    stochastic: bool


def difference(ours: Sample, theirs: Sample, random: Sample | None) -> Difference | None:
    """The difference of two arrangements, taken within the blocks that hold both.

    With two blocks or more it is paired: a t interval over the blocks' differences of means. Within a single
    block it is Welch's t, or `single_order` where one side has a single order. Where both have, the spread of
    random order stands for theirs.

    Args:
        ours: The first.
        theirs: The second, which is subtracted.
        random: Random order, if it was run.

    Returns:
        None if no block holds both.
    """
    shared = [block for block in ours.values if block in theirs.values]
    if not shared:
        return None
    if len(shared) >= 2:
        found = estimated_mean([_mean(ours.values[block]) - _mean(theirs.values[block]) for block in shared])
    else:
        noise = random.values.get(shared[0], []) if random else []
        found = _within_block(ours.values[shared[0]], theirs.values[shared[0]], noise, theirs_vary=theirs.stochastic)
    replicates = [
        number
        for sample in (ours, theirs)
        if (number := sum(len(sample.values[block]) for block in shared)) > 1 or sample.stochastic
    ]
    if not replicates and random:
        replicates = [sum(len(random.values.get(block, [])) for block in shared)]
    return Difference(found.interval, min(replicates, default=len(shared)), found.p_value)


def _within_block(
    ours: Sequence[float], theirs: Sequence[float], random: Sequence[float], *, theirs_vary: bool
) -> Estimate:
    if len(theirs) >= 2 and len(ours) >= 2:
        return welch(ours, theirs)
    if len(theirs) >= 2:
        return single_order(ours[0], theirs)
    if len(ours) >= 2 and not theirs_vary:
        return single_order(theirs[0], ours).reversed()
    # A single order on either side: each is taken to vary as random order does.
    error = float(np.std(random, ddof=1)) * math.sqrt(2) if len(random) >= 2 else math.nan
    return Estimate(_mean(ours) - _mean(theirs), error, len(random) - 1)


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values))
