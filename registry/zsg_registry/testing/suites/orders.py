"""What arrangements, online arrangements and transforms promise of the orders they make."""

from __future__ import annotations

import copy
import pickle
from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, ClassVar, Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from zsg_registry.arrangement import Arranging
from zsg_registry.components import Need
from zsg_registry.errors import ContractError, ZsgError
from zsg_registry.examples import Access
from zsg_registry.order import Order
from zsg_registry.testing.context import NaiveContext
from zsg_registry.testing.suites.checks import fault, not_applicable, told
from zsg_registry.testing.suites.component import ComponentSuite, runs_here
from zsg_registry.testing.suites.elsewhere import global_seeds, in_another_process, threads
from zsg_registry.testing.suites.scenes import Scene, awkward, ordinary, without_tasks

_SEEDS: Final = 5

M = TypeVar("M", bound=Arranging)


class Limits(NamedTuple):
    """What an order must keep to.

    Attributes:
        pool: How many examples there are.
        wanted: How many are asked for.
        may_repeat: Whether an example may come more than once.
        may_underfill: Whether fewer may come.
    """

    pool: int
    wanted: int
    may_repeat: bool
    may_underfill: bool


class OrderSuite(ComponentSuite[M]):
    """The base of suites of components that make orders. `scene` may be overridden: what the component is tried on."""

    made_by: ClassVar[str]
    """The method that makes the order, for messages."""

    @staticmethod
    @abstractmethod
    def made(component: Any, scene: Scene, context: NaiveContext) -> Order:
        """What the component makes of a scene.

        Raises:
            ContractError: It is no order.
        """

    @staticmethod
    @abstractmethod
    def limits(component: Any, scene: Scene) -> Limits:
        """What the order must keep to."""

    def scene(self) -> Scene:
        """Ordinary data. Override it for a component that needs other data."""
        return ordinary()

    def test_uses_only_what_it_declares(self, component: M) -> None:
        """It gets along with the services and the access that it declares."""
        error = self._error(component)
        if isinstance(error, ContractError) and _is_refusal(error):
            fault(f"{error}: declare it (needs, access, stochastic), or do without")

    def test_declares_its_access(self, component: M) -> None:
        """Access, repeats and may_underfill are declared, and stay as they are."""
        for name, kind in (("access", Access), ("repeats", bool), ("may_underfill", bool)):
            value = getattr(component, name)
            if not isinstance(value, kind):
                fault(f"{name} is {value!r}: it must be of type {kind.__name__}")

    def test_works_on_ordinary_data(self, component: M) -> None:
        """It raises nothing on an ordinary pool and query."""
        error = self._error(component)
        if error is not None and not isinstance(error, ContractError) and not _is_mutation(error):
            fault(f"{self.made_by} raises on ordinary data: {told(error)}")

    def test_returns_an_order(self, component: M) -> None:
        """What it returns is an `Order`, or positions."""
        error = self._error(component)
        if isinstance(error, ContractError) and not _is_refusal(error):
            fault(f"{self.made_by} returned what is no order: {error}")

    def test_positions_are_in_the_pool(self, component: M) -> None:
        """Every position is one of the pool's."""
        for order, limits in self._ordinary_and_whole(component):
            outside = _outside(order, limits)
            if len(outside):
                fault(f"position {outside[0]} is not in the pool of {limits.pool} examples: the first one is 0")

    def test_repeats_only_where_declared(self, component: M) -> None:
        """No example comes twice, unless `repeats` says so."""
        for order, limits in self._ordinary_and_whole(component):
            repeated = _repeated(order, limits)
            if len(repeated):
                fault(f"position {repeated[0]} comes more than once: say repeats = True, or take each example once")

    def test_keeps_to_the_budget(self, component: M) -> None:
        """As many examples come as are asked for, fewer only where `may_underfill` says so."""
        runs_here(component)
        scene = self.scene()
        for budget in dict.fromkeys((scene.budget, max(1, scene.budget // 3), len(scene.pool), 1)):
            smaller = replace(scene, budget=budget)
            order = self._made_or_not_checked(component, smaller)
            limits = self.limits(component, smaller)
            came = f"{len(order)} examples came where {limits.wanted} were asked for"
            if len(order) > limits.wanted:
                fault(f"{came}: cut the order, as Order.head(context.budget) does")
            if len(order) < limits.wanted and not limits.may_underfill:
                fault(f"{came}: give more, or say may_underfill = True")

    def test_is_the_same_at_every_call(self, component: M) -> None:
        """One seed gives one order, from the same object and from a new one."""
        runs_here(component)
        again = type(component)(component.params)
        found = []
        for seed, each in enumerate((component, component, again)):
            with global_seeds(seed):
                found.append(self._made_or_not_checked(each))
        for other in found[1:]:
            difference = _difference(found[0], other)
            if difference:
                fault(f"two calls gave two orders ({difference}): draw from context.rng alone, and keep no state")

    def test_the_seed_matters_where_it_says_so(self, component: M) -> None:
        """`stochastic` is true if and only if the seed changes the order."""
        runs_here(component)
        scene = self.scene()
        seeds = range(_SEEDS if component.stochastic else 2)
        orders = [self._made_or_not_checked(component, replace(scene, seed=seed)) for seed in seeds]
        differ = any(_difference(orders[0], other) for other in orders[1:])
        if component.stochastic and not differ:
            fault(f"stochastic is true, but {_SEEDS} seeds gave one order: use context.rng, or say stochastic = False")

    def test_is_the_same_in_another_process(self, component: M) -> None:
        """A process with other string hashes and another history gives the same order."""
        order = self._settled(component)
        _pickled_or_not_checked(component)
        other = in_another_process(_made_elsewhere, self.made, component, self.scene())
        difference = _difference(order, other)
        if difference:
            fault(f"another process gave another order ({difference}): do not go by sets, hash() or the environment")

    def test_is_the_same_with_any_number_of_threads(self, component: M) -> None:
        """One thread and three give the same order."""
        order = self._settled(component)
        for count in (1, 3):
            with threads(count):
                difference = _difference(order, self._made_or_not_checked(component))
            if difference:
                fault(f"{count} threads gave another order ({difference}): let no sum depend on how it is split up")

    def test_is_the_same_in_blocks_of_any_size(self, component: M) -> None:
        """However many rows a block of similarities has, the order is the same."""
        order = self._settled(component)
        scene = self.scene()
        for rows in (1, 7, len(scene.pool)):
            difference = _difference(order, self._made_or_not_checked(component, replace(scene, block_rows=rows)))
            if difference:
                fault(f"blocks of {rows} rows gave another order ({difference}): decide when all blocks were seen")

    def test_honours_its_access(self, component: M) -> None:
        """What it may not see makes no difference: answers, the query, services and tasks that it did not declare."""
        order = self._settled(component)
        other = self._made_or_not_checked(component, self.scene().scrambled(component))
        difference = _difference(order, other)
        if difference:
            fault(
                f"the order changed with what it may not see ({difference}): declare the access and the needs "
                "(Need.TASKS for tasks) that it uses, and reach for nothing but the context's methods"
            )

    def test_leaves_its_input_as_it_was(self, component: M) -> None:
        """Vectors, losses and lengths are shared with others."""
        runs_here(component)
        scene = self.scene()
        numbers = scene.numbers()
        before = copy.deepcopy(numbers)
        try:
            self.made(component, scene, scene.context(component, numbers=numbers))
        except Exception as error:
            if _is_mutation(error):
                fault(f"it writes into its input: {told(error)}; work on a copy")
        changed = _changed(before, numbers)
        if changed:
            fault(f"it changed {changed}, which others are given too: work on a copy")

    def test_copes_with_awkward_data(self, component: M) -> None:
        """Tiny, equal, empty and foreign data give a right order, or a `ZsgError` that says what is wrong."""
        self._valid_or_not_checked(component)
        scenes = awkward()
        if Need.TASKS not in component.needs:
            scenes["data without tasks"] = without_tasks()
        for name, scene in scenes.items():
            try:
                order = self.made(component, scene, scene.context(component))
            except Exception as error:
                if isinstance(error, ZsgError) and not isinstance(error, ContractError):
                    continue
                fault(f"{name}: {told(error)}; give an order, or raise a ZsgError that says what is wrong")
            wrong = _wrong(order, self.limits(component, scene))
            if wrong:
                fault(f"{name}: {wrong}")

    def _error(self, component: Any) -> Exception | None:
        """What it raises on ordinary data."""
        runs_here(component)
        scene = self.scene()
        try:
            self.made(component, scene, scene.context(component))
        except Exception as error:
            return error
        return None

    def _made_or_not_checked(self, component: Any, scene: Scene | None = None) -> Order:
        """What it makes, where it makes something: that it does is a check of its own."""
        scene = scene or self.scene()
        try:
            return self.made(component, scene, scene.context(component))
        except Exception as error:
            not_applicable(f"{self.made_by} raised {type(error).__name__}, which another check tells of")

    def _ordinary(self, component: Any) -> tuple[Order, Limits]:
        runs_here(component)
        return self._made_or_not_checked(component), self.limits(component, self.scene())

    def _ordinary_and_whole(self, component: Any) -> Iterator[tuple[Order, Limits]]:
        """The order of ordinary data, and that of the whole pool."""
        yield self._ordinary(component)
        whole = replace(self.scene(), budget=len(self.scene().pool))
        yield self._made_or_not_checked(component, whole), self.limits(component, whole)

    def _settled(self, component: Any) -> Order:
        """Its order of ordinary data, where it has one: that it is the same at every call is a check of its own."""
        order, _ = self._ordinary(component)
        if _difference(order, self._made_or_not_checked(component)):
            not_applicable("two calls differ, which another check tells of")
        return order

    def _valid_or_not_checked(self, component: Any) -> None:
        if any(_wrong(*each) for each in self._ordinary_and_whole(component)):
            not_applicable("its order of ordinary data is wrong, which another check tells of")


def as_order(result: Any) -> Order:
    """What was returned, as the harness takes it."""
    if isinstance(result, Order):
        return result
    if isinstance(result, str | bytes) or np.ndim(result) == 0:
        raise ContractError(f"a {type(result).__name__} instead of an Order or a sequence of positions")
    return Order(np.asarray(result))


def _made_elsewhere(made: Callable[[Any, Scene, NaiveContext], Order], component: Any, scene: Scene) -> Order:
    return made(component, scene, scene.context(component))


def _pickled_or_not_checked(component: Any) -> None:
    try:
        pickle.dumps(component)
    except Exception:
        not_applicable("it cannot be pickled, which another check tells of")


def _is_refusal(error: ContractError) -> bool:
    """Whether the context refused something, rather than an order be none."""
    return any(word in str(error) for word in ("declar", "withheld"))


def _is_mutation(error: Exception) -> bool:
    return "read-only" in str(error)


def _outside(order: Order, limits: Limits) -> NDArray[np.int64]:
    return order.indices[(order.indices < 0) | (order.indices >= limits.pool)]


def _repeated(order: Order, limits: Limits) -> NDArray[np.int64]:
    positions, counts = np.unique(order.indices, return_counts=True)
    return positions[:0] if limits.may_repeat else positions[counts > 1]


def _wrong(order: Order, limits: Limits) -> str | None:
    """What is wrong with an order, or None."""
    if len(outside := _outside(order, limits)):
        return f"position {outside[0]} is not in the pool of {limits.pool} examples"
    if len(repeated := _repeated(order, limits)):
        return f"position {repeated[0]} comes more than once, though repeats is not declared"
    if len(order) > limits.wanted or (len(order) < limits.wanted and not limits.may_underfill):
        return f"{len(order)} examples came where {limits.wanted} were asked for"
    return None


def _difference(one: Order, other: Order) -> str | None:
    """How two orders differ, or None."""
    if len(one) != len(other):
        return f"{len(one)} examples, then {len(other)}"
    places = np.flatnonzero(one.indices != other.indices)
    if len(places):
        return f"from place {places[0]} on"
    for name in ("stages", "scores", "steps"):
        left, right = getattr(one, name), getattr(other, name)
        if (left is None) != (right is None) or (left is not None and not np.array_equal(left, right, equal_nan=True)):
            return f"in its {name}"
    return None if one.stage_names == other.stage_names else "in its stage_names"


def _changed(before: Any, after: Any, name: str = "") -> str | None:
    """The name of the first array that is not what it was."""
    if not isinstance(before, dict):
        return None if np.array_equal(before, after, equal_nan=True) else name
    found = (_changed(before[key], after[key], f"{name} of {key}" if name else key) for key in before)
    return next((each for each in found if each), None)
