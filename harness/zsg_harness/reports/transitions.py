"""How the loss of a task falls: its sudden drops, and the kind of its curve. Both by stated rules.

A *sudden drop* is a fall between two evaluations (next to each other; or 2, 4, 8, … apart, within 15 % of training). It
takes a fifth of the loss before it, and is twice as steep, both by step and by log(1 + step), as the curve is in as
many intervals before it and behind it. So no convex curve has one, however steeply it begins; and none is found in the
first interval, which has nothing before it.

The *kind* of a curve is the first of these that holds, where a tenth of the way from its least to its greatest loss
counts as a change:

- `rising`: it ends that much above its start;
- `oscillating`: it turns back twice or more, each time by that much;
- `sudden`: it has a sudden drop;
- `overshoot`: it ends that much above its least loss;
- `smooth`: none of these, or it never leaves a band of 5 % of its first loss.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

Kind = Literal["smooth", "sudden", "oscillating", "overshoot", "rising"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_SHARE: Final = 0.2
"""Of the loss before it, what a sudden drop takes at least."""
_STEEPER: Final = 2.0
_WITHIN: Final = 0.15
"""Of training, what a drop over several evaluations may last."""
_CHANGE: Final = 0.1
"""Of a curve's height, what counts as a change."""
_FLAT: Final = 0.05
"""Of its first loss, the height under which nothing happens on a curve."""

Floats = npt.NDArray[np.float64]


class Drop(NamedTuple):
    """A sudden drop.

    Attributes:
        curve: Which curve has it.
        start, end: The positions of the evaluations before and after it.
        fall: By how much the loss fell.
    """

    curve: int
    start: int
    end: int
    fall: float


def sudden_drops(steps: npt.NDArray[np.int64], losses: Floats) -> list[Drop]:
    """The sudden drops of curves, by curve, then by time. Of those that overlap the steepest is told.

    Args:
        steps: int64 `[n]`, ascending.
        losses: float64 `[curves, n]`.
    """
    found: list[tuple[int, float, Drop]] = []
    at = np.ascontiguousarray(losses.T)  # the losses of all curves at an evaluation lie together
    for start, end in _windows(steps):
        fall = at[start] - at[end]
        is_drop = (fall > 0) & (fall >= _SHARE * at[start])
        for along in (steps.astype(np.float64), np.log1p(steps)):
            slope = fall / (along[end] - along[start])
            is_drop &= slope >= _STEEPER * _steepest_around(along, at, start, end)
        found += [
            (curve, -float(slope[curve]), Drop(curve, start, end, float(fall[curve])))
            for curve in np.flatnonzero(is_drop).tolist()
        ]
    taken: set[tuple[int, int]] = set()
    kept: list[Drop] = []
    for curve, _, drop in sorted(found):
        intervals = {(curve, interval) for interval in range(drop.start, drop.end)}
        if not intervals & taken:
            taken |= intervals
            kept.append(drop)
    return sorted(kept)


def kinds(steps: npt.NDArray[np.int64], losses: Floats, drops: list[Drop]) -> list[Kind]:
    """The kind of each curve."""
    first, last, least = losses[:, 0], losses[:, -1], losses.min(axis=1)
    height = losses.max(axis=1) - least
    change = _CHANGE * height
    has_drop = np.isin(np.arange(len(losses)), [drop.curve for drop in drops])
    flat = height < _FLAT * np.abs(first)
    rules: list[tuple[Kind, npt.NDArray[np.bool_]]] = [
        ("smooth", flat | (height == 0)),
        ("rising", last >= first + change),
        ("oscillating", _turns(losses, change) >= 2),
        ("sudden", has_drop),
        ("overshoot", last >= least + change),
    ]
    chosen = np.select([holds for _, holds in rules], list(range(len(rules))), default=0)
    return [rules[number][0] for number in chosen.tolist()]


def _windows(steps: npt.NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """From which evaluation to which a drop is looked for: over 1, 2, 4, … intervals."""
    longest = _WITHIN * float(steps[-1])
    width = 1
    while width == 1 or (width < len(steps) and int((steps[width:] - steps[:-width]).min()) <= longest):
        for start in range(1, len(steps) - width):
            if width == 1 or steps[start + width] - steps[start] <= longest:
                yield start, start + width
        width *= 2


def _steepest_around(along: Floats, at: Floats, start: int, end: int) -> Floats:
    """How steeply each curve falls in as many intervals before a window, or behind it; 0 where it rises or ends.

    `at` has the losses at each evaluation, float64 `[n, curves]`.
    """
    before, behind = max(start - (end - start), 0), min(end + (end - start), len(along) - 1)
    steepest = np.zeros(at.shape[1])
    for a, b in ((before, start), (end, behind)):
        if b > a:
            steepest = np.maximum(steepest, (at[a] - at[b]) / (along[b] - along[a]))
    return steepest


def _turns(losses: Floats, change: Floats) -> npt.NDArray[np.int64]:
    """How often each curve turns back by a change or more."""
    turns = np.zeros(len(losses), dtype=np.int64)
    heading = np.zeros(len(losses), dtype=np.int64)  # 1 up, -1 down, 0 not known yet
    high, low = losses[:, 0].copy(), losses[:, 0].copy()
    for now in losses[:, 1:].T:
        high, low = np.maximum(high, now), np.minimum(low, now)
        down = (heading >= 0) & (now <= high - change)
        up = (heading <= 0) & (now >= low + change)
        turns += (down & (heading == 1)) | (up & (heading == -1))
        heading = np.where(down, -1, np.where(up, 1, heading))
        # From a turn on, only what comes behind it counts.
        high, low = np.where(up | down, now, high), np.where(up | down, now, low)
    return turns
