"""The suites of arrangements."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from zsg_registry.arrangement import Arrangement, OnlineArrangement, Segment
from zsg_registry.components import Kind
from zsg_registry.errors import ContractError
from zsg_registry.order import Order
from zsg_registry.testing.suites.checks import fault
from zsg_registry.testing.suites.orders import Limits, OrderSuite, as_order

if TYPE_CHECKING:
    from zsg_registry.testing.context import NaiveContext
    from zsg_registry.testing.suites.scenes import Scene

A = TypeVar("A", bound=Arrangement)
N = TypeVar("N", bound=OnlineArrangement)


class ArrangementSuite(OrderSuite[A]):
    """What an arrangement promises. A subclass gives the fixture `component`."""

    kind: ClassVar[Kind] = "arrangement"
    made_by = "arrange()"

    @staticmethod
    def made(component: Any, scene: Scene, context: NaiveContext) -> Order:
        """The order of the scene's pool."""
        return as_order(component.arrange(context))

    @staticmethod
    def limits(component: Any, scene: Scene) -> Limits:
        """The budget, or whatever an order of all epochs has."""
        return Limits(len(scene.pool), scene.budget, component.repeats, component.may_underfill)


class OnlineArrangementSuite(OrderSuite[N]):
    """What an online arrangement promises. A subclass gives the fixture `component`."""

    kind: ClassVar[Kind] = "arrangement"
    made_by = "next_segment()"

    @staticmethod
    def made(component: Any, scene: Scene, context: NaiveContext) -> Order:
        """All segments, one behind the other."""
        history = run(component, scene, context)
        stages = np.repeat(np.arange(len(history)), [len(segment.order) for segment in history])
        return Order(
            np.concatenate([segment.order.indices for segment in history] or [np.arange(0)]),
            stages=stages.astype(np.int32),
        )

    @staticmethod
    def limits(component: Any, scene: Scene) -> Limits:
        """It may stop before the budget is used."""
        return Limits(len(scene.pool), scene.budget, component.repeats, True)

    def test_is_a_function_of_its_history(self, component: N) -> None:
        """A new object that is shown the same history asks for the same segment: so a cell is resumed."""
        self._ordinary(component)
        scene = self.scene()
        history = run(component, scene, scene.context(component))
        for count, segment in enumerate(history):
            fresh = type(component)(component.params)
            again = fresh.next_segment(scene.context(fresh), history[:count])
            if again is None or not np.array_equal(again.indices, segment.order.indices):
                fault(f"a new object gave another segment {count} for one history: keep nothing between calls")


def run(component: OnlineArrangement, scene: Scene, context: NaiveContext) -> list[Segment]:
    """The segments it asks for until it ends or the budget is used, with losses that depend on what was trained on."""
    history: list[Segment] = []
    tasks = sorted({example.task or "" for example in scene.pool})
    while sum(len(segment.order) for segment in history) < scene.budget:
        order = component.next_segment(context, tuple(history))
        if order is not None and not isinstance(order, Order):
            raise ContractError(f"a {type(order).__name__} instead of an Order or None")
        if order is None or not len(order):
            break
        seen = hashlib.sha256(order.indices.tobytes()).digest()
        losses = {task: 2.0 - 0.1 * len(history) + seen[n % 32] / 1000 for n, task in enumerate(tasks)}
        history.append(Segment(order, losses))
    return history
