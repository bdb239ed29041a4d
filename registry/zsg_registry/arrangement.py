"""Arrangements: which examples of the pool to train on, and in which order. Transforms: what to do with an order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from zsg_registry.components import Component
from zsg_registry.context import ArrangeContext
from zsg_registry.examples import Access
from zsg_registry.order import Order


class Arranging(Component):
    """What arrangements and transforms declare. `repeats = True` in a class body says: with any parameters."""

    @property
    def repeats(self) -> bool:
        """Whether an example may come more than once, with these parameters."""
        return False

    @property
    def may_underfill(self) -> bool:
        """Whether fewer than `context.budget` examples may come back, with these parameters."""
        return False

    @property
    def access(self) -> Access:
        """What it may see of the unseen tasks, with these parameters. Nothing more is handed over."""
        return Access.NONE


class Arrangement(Arranging, ABC):
    """Orders the pool once, before training.

    Attributes:
        plans_epochs: Whether the order already covers all epochs; otherwise it is repeated once per epoch.
    """

    kind = "arrangement"
    plans_epochs: ClassVar[bool] = False

    @abstractmethod
    def arrange(self, context: ArrangeContext) -> Order | Sequence[int]:
        """Exactly `context.budget` positions in the pool, in training order, without repeats.

        `may_underfill` and `repeats` lift these two rules.
        """


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the training that an online arrangement asked for, and what came of it.

    Attributes:
        order: The examples trained on.
        losses: After the segment, the mean loss of each task: on held-out examples of seen tasks (`probe`), and with
            access `answers` on the `query` examples of unseen ones. Never on the evaluation examples.
    """

    order: Order
    losses: Mapping[str, float]


class OnlineArrangement(Arranging, ABC):
    """Decides as training goes: asked for the next segment until it has none or the budget is used.

    `next_segment` must be a pure function of its arguments, so that a resumed cell replays its history.
    """

    kind = "arrangement"

    @abstractmethod
    def next_segment(self, context: ArrangeContext, history: Sequence[Segment]) -> Order | None:
        """The next examples to train on, or None to stop."""


class Transform(Arranging, ABC):
    """Turns an order into another one, after the budget was cut: `tma | zigzag`."""

    kind = "transform"

    @abstractmethod
    def apply(self, order: Order, context: ArrangeContext) -> Order:
        """The new order. As many entries as before, unless `may_underfill`."""
