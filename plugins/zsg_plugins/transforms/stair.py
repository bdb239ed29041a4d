"""Stair and saw: a ranking whose sections are joined by folded transitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_plugins.transforms.fold import folded
from zsg_registry import ArrangeContext, Order, Parameters, Transform


class Part(NamedTuple):
    """The entries `start … stop-1` of the order that comes in."""

    name: str
    start: int
    stop: int
    is_transition: bool


def parts(n: int, sections: int, reach: float) -> Iterator[Part]:
    """Cut n entries into sections and the transitions between them, in turn; some may be empty.

    The i-th of K boundaries lies at round(i·n/K). Its transition reaches round(reach·n) entries to both sides, but
    not into the transition before it.
    """
    radius = round(n * reach)
    done = 0
    for section in range(1, sections):
        boundary = round(n * section / sections)
        start, stop = max(done, boundary - radius), min(n, boundary + radius)
        yield Part(f"section {section}", done, start, is_transition=False)
        yield Part(f"transition {section}", start, stop, is_transition=True)
        done = stop
    yield Part(f"section {sections}", done, n, is_transition=False)


class FoldedTransitions(Transform):
    """The base of transforms that fold an order only around the boundaries of its sections."""

    class Params(Parameters):
        """Where to fold, and how."""

        sections: int = Field(default=3, ge=1)
        """How many equal sections the order is cut into. One leaves the order as it is."""
        reach: float = Field(default=0.1, ge=0, le=0.5)
        """How far a transition reaches to both sides of a boundary, as a share of the whole order."""
        folds: int = Field(default=3, ge=1)
        """How many passes a transition is folded into."""

    params: Params
    zigzag: ClassVar[bool]

    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """Sections as they come, transitions folded."""
        cut = list(parts(len(order), self.params.sections, self.params.reach))
        return replace(
            order.take(np.concatenate([self._inside(part) for part in cut])),
            stages=np.repeat(np.arange(len(cut)), [part.stop - part.start for part in cut]),
            stage_names=tuple(part.name for part in cut),
        )

    def _inside(self, part: Part) -> NDArray[np.int64]:
        if not part.is_transition:
            return np.arange(part.start, part.stop)
        positions, _ = folded(part.stop - part.start, self.params.folds, self.zigzag)
        return part.start + positions


class Stair(FoldedTransitions):
    """The order in sections, with the transitions between them folded: it rises, and falls back at each boundary.

    Stair Ordering, STR (Dai et al., arXiv 2605.30334, and the code that goes with it). A sorted order is cut into
    equal sections; around each boundary the entries are taken in `folds` passes as `fold` takes them, and all others
    stay where they are. The code sorts by a score first and may mix windows last; here the order as it comes is the
    ranking, as in `sort[by=loss] | stair | jitter[window=64]`. The defaults are those of its first settings for SAW.

    The stage of an entry is the section or the transition it is in, in place of what it was; the score stays with it.
    Step ends are dropped, since entries move one by one.
    """

    zigzag = False


class Saw(FoldedTransitions):
    """Like `stair`, but every second pass of a transition runs backwards: it goes up and down by turns.

    Saw Ordering, SAW (Dai et al., arXiv 2605.30334, and the code that goes with it): the transitions are taken as
    `zigzag` takes them. With an odd number of passes the order never jumps.

    The stage of an entry is the section or the transition it is in, in place of what it was; the score stays with it.
    Step ends are dropped, since entries move one by one.
    """

    zigzag = True
