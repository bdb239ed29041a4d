"""The order of a cell, as its training loop asks for it: whole, or a segment at a time."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from zsg_registry import ContractError, Order, Segment

Losses = Mapping[str, float]
"""Mean loss by task."""

Ask = Callable[[Sequence[Segment]], Order | None]


class Segments(Protocol):
    """Steps of a cell.

    Attributes:
        steps: For each optimizer step known so far, the rows of the pool it consumes.
        planned: How many steps there will be, at most.
    """

    steps: list[NDArray[np.int64]]
    planned: int

    @property
    def order(self) -> Order:
        """All of it, as far as it is known."""

    def extend(self, measure: Callable[[], Losses]) -> bool:
        """Add the steps of the next segment, if there is one. `measure` gives the losses now."""

    def history(self) -> list[dict[str, Any]]:
        """What cannot be computed again, as plain data."""

    def resume(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Take up an earlier history.

        Raises:
            ContractError: The arrangement does not ask for the same again.
        """


class WholeOrder:
    """An order that is known before training."""

    def __init__(self, order: Order, batch_size: int) -> None:
        self.order = order
        self.steps = _steps(order, batch_size)
        self.planned = len(self.steps)

    def extend(self, measure: Callable[[], Losses]) -> bool:
        """There is no more."""
        return False

    def history(self) -> list[dict[str, Any]]:
        """Nothing: the order is made again."""
        return []

    def resume(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Nothing to do."""


class OnlineSegments:
    """An order that follows the losses."""

    def __init__(self, ask: Ask, budget: int, batch_size: int) -> None:
        """Begin with nothing.

        Args:
            ask: Gives the next segment after some, or None; a pure function.
            budget: Examples that will be asked for, at most.
            batch_size: Examples per step where a segment does not say.
        """
        self.steps: list[NDArray[np.int64]] = []
        self.planned = math.ceil(budget / batch_size)
        self._ask = ask
        self._batch_size = batch_size
        self._orders: list[Order] = []
        self._losses: list[Losses] = []

    @property
    def order(self) -> Order:
        """All segments, one after the other."""
        return _joined(self._orders, self._batch_size)

    def extend(self, measure: Callable[[], Losses]) -> bool:
        """Ask for the next segment, with the losses after the one before it."""
        if self._orders:
            self._losses.append(dict(measure()))
        order = self._ask(self._segments())
        if order is None:
            return False
        self._add(order)
        return True

    def history(self) -> list[dict[str, Any]]:
        """The losses after each segment that is through."""
        return [dict(losses) for losses in self._losses]

    def resume(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Ask for the same segments again, with the losses of then."""
        for losses in [None, *history]:
            if losses is not None:
                self._losses.append({task: float(loss) for task, loss in losses.items()})
            order = self._ask(self._segments())
            if order is None:
                raise ContractError("the arrangement stops earlier than before: it must depend on its history alone")
            self._add(order)

    def _segments(self) -> list[Segment]:
        return [Segment(order, losses) for order, losses in zip(self._orders, self._losses, strict=True)]

    def _add(self, order: Order) -> None:
        self._orders.append(order)
        self.steps += _steps(order, self._batch_size)


def _steps(order: Order, batch_size: int) -> list[NDArray[np.int64]]:
    return np.split(order.indices, order.step_ends(batch_size)[:-1])


def _joined(orders: Sequence[Order], batch_size: int) -> Order:
    ends = [order.step_ends(batch_size) for order in orders]
    begins = np.cumsum([0, *(len(order) for order in orders)])
    with_stages = all(order.stages is not None for order in orders)
    with_scores = all(order.scores is not None for order in orders)
    return Order(
        np.concatenate([order.indices for order in orders]),
        stages=np.concatenate([order.stages for order in orders if order.stages is not None]) if with_stages else None,
        stage_names=orders[-1].stage_names,
        scores=np.concatenate([order.scores for order in orders if order.scores is not None]) if with_scores else None,
        steps=np.concatenate([own + begin for own, begin in zip(ends, begins, strict=False)]),
    )
