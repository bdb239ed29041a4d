"""The suite of transforms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from zsg_registry.arrangement import Transform
from zsg_registry.components import Kind
from zsg_registry.errors import ContractError, ZsgError
from zsg_registry.order import Order
from zsg_registry.testing.suites.checks import fault, told
from zsg_registry.testing.suites.orders import Limits, OrderSuite

if TYPE_CHECKING:
    from zsg_registry.testing.context import NaiveContext
    from zsg_registry.testing.suites.scenes import Scene

T = TypeVar("T", bound=Transform)


class TransformSuite(OrderSuite[T]):
    """What a transform promises. A subclass gives the fixture `component`."""

    kind: ClassVar[Kind] = "transform"
    made_by = "apply()"

    @staticmethod
    def made(component: Any, scene: Scene, context: NaiveContext) -> Order:
        """What becomes of an order that has everything an order can have."""
        return _applied(component, full_order(scene), context)

    @staticmethod
    def limits(component: Any, scene: Scene) -> Limits:
        """As many entries as before."""
        return Limits(len(scene.pool), scene.budget, component.repeats, component.may_underfill)

    def test_copes_with_any_order(self, component: T) -> None:
        """An order may have no stages, scores or steps, and may have an example twice."""
        self._valid_or_not_checked(component)
        scene = self.scene()
        whole = full_order(scene)
        orders = {
            "an order without stages, scores and steps": Order(whole.indices),
            "an order that repeats an example": whole.take(np.arange(len(whole)) // 2),
            "an order of one entry": whole.head(1),
        }
        for name, order in orders.items():
            try:
                after = _applied(component, order, scene.context(component))
            except Exception as error:
                if isinstance(error, ZsgError) and not isinstance(error, ContractError):
                    continue
                fault(f"{name}: {told(error)}; transform it, or raise a ZsgError that says what it lacks")
            if len(after) != len(order) and not component.may_underfill:
                fault(f"{name}: {len(after)} entries came of {len(order)}; say may_underfill = True, or keep all")


def full_order(scene: Scene) -> Order:
    """An order of a scene's pool, as long as its budget, with stages, scores and steps of unequal size."""
    indices = np.random.default_rng(0).permutation(len(scene.pool))[: scene.budget]
    place = np.arange(len(indices))
    ends = np.unique(np.minimum(np.cumsum(1 + place % 5), len(indices)))
    stages = (place * 3 // max(1, len(indices))).astype(np.int32)
    return Order(indices, stages, ("first", "second", "third"), np.sqrt(place).astype(np.float32), ends)


def _applied(component: Transform, order: Order, context: NaiveContext) -> Order:
    after: object = component.apply(order, context)
    if not isinstance(after, Order):
        raise ContractError(f"a {type(after).__name__} instead of an Order")
    return after
