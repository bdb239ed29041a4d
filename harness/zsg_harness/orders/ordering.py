"""From a pipe of components to an order: arranged, checked, cut, transformed, repeated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from zsg_harness.matrix.expand import Choice
from zsg_harness.services.context import CellContext, Workbench
from zsg_registry import (
    Access,
    Arrangement,
    Component,
    ContractError,
    ExampleSet,
    OnlineArrangement,
    Order,
    Role,
    Segment,
    Transform,
)
from zsg_registry.arrangement import Arranging


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an order is to be made.

    Attributes:
        arrangement: An arrangement, then transforms.
        budget: Examples the arrangement must return; None for the whole pool.
        token_budget: Where the order is cut, in tokens of the base model, or None.
        batch_size: Examples per step where the order does not say.
        order_seed: What the components draw from.
        epochs: How often the order is repeated.
    """

    arrangement: Choice
    budget: int | None
    token_budget: int | None
    batch_size: int
    order_seed: int
    epochs: int = 1


def visible_roles(
    access: Access, pool: ExampleSet, query: ExampleSet | None, probe: ExampleSet | None = None
) -> dict[Role, ExampleSet]:
    """The roles that a pipe of this access may see, the query cut down to it."""
    roles: dict[Role, ExampleSet] = {"pool": pool}
    if probe is not None:
        roles["probe"] = probe
    if access is not Access.NONE:
        assert query is not None
        roles["query"] = query.restrict(access)
    return roles


def make_order(recipe: Recipe, bench: Workbench) -> Order:
    """Run a pipe on the pool of a workbench, and hold it to its promises.

    Raises:
        ContractError: A component returned an index out of range, a repeat, or the wrong number of examples; or the
            budget is larger than the pool.
    """
    pool_size = len(bench.roles["pool"])
    budget = _budget(recipe, bench)
    arrangement, *transforms = recipe.arrangement.components
    assert isinstance(arrangement, Arrangement)
    names = _names(recipe.arrangement)
    result = arrangement.arrange(_context(recipe, bench, arrangement, 0, budget))
    order = result if isinstance(result, Order) else Order(np.asarray(result))
    _check(order, names[0], pool_size, budget, arrangement.repeats, arrangement.may_underfill)
    if recipe.token_budget is not None:
        order = _cut_to_tokens(order, bench.encoded("pool").lengths, recipe.token_budget)
    for position, transform in enumerate(transforms, start=1):
        assert isinstance(transform, Transform)
        before = len(order)
        order = transform.apply(order, _context(recipe, bench, transform, position, budget))
        repeats = transform.repeats or arrangement.repeats
        _check(order, names[position], pool_size, before, repeats, transform.may_underfill)
    if not len(order):
        raise ContractError(f"{names[-1]} left no examples to train on")
    return order if arrangement.plans_epochs or recipe.epochs == 1 else _repeat(order, recipe.epochs, recipe.batch_size)


class OnlineOrder:
    """An online arrangement of a pipe, asked for one segment after another and held to its promises.

    Attributes:
        budget: Examples it may ask for in all.
    """

    def __init__(self, recipe: Recipe, bench: Workbench) -> None:
        """Take a recipe whose arrangement is online.

        Raises:
            ContractError: The budget is larger than the pool.
        """
        arrangement, *_ = recipe.arrangement.components
        assert isinstance(arrangement, OnlineArrangement)
        self.budget = _budget(recipe, bench)
        self._arrangement = arrangement
        self._name = _names(recipe.arrangement)[0]
        self._context = _context(recipe, bench, arrangement, 0, self.budget)
        self._pool_size = len(bench.roles["pool"])
        self._token_budget = recipe.token_budget
        self._lengths = bench.encoded("pool").lengths

    def next_segment(self, history: Sequence[Segment]) -> Order | None:
        """The next segment, cut to what the budget in tokens has left; None at the end.

        Raises:
            ContractError: It has an index out of range, a repeat, or more examples than the budget has left.
        """
        order = self._arrangement.next_segment(self._context, history)
        if order is None or not len(order):
            return None
        used = np.concatenate([np.empty(0, dtype=np.int64), *(segment.order.indices for segment in history)])
        together = Order(np.concatenate([used, order.indices]))
        _check(together, self._name, self._pool_size, self.budget, self._arrangement.repeats, may_underfill=True)
        if self._token_budget is None:
            return order
        left = self._token_budget - int(self._lengths[used].sum())
        fits = int(np.searchsorted(np.cumsum(self._lengths[order.indices]), left, side="right"))
        return order.head(fits) if fits else None


def _budget(recipe: Recipe, bench: Workbench) -> int:
    """Examples that may be arranged."""
    pool_size = len(bench.roles["pool"])
    budget = pool_size if recipe.budget is None else recipe.budget
    if budget > pool_size:
        raise ContractError(f"the budget is {budget} examples, and the pool has {pool_size}")
    return budget


def _context(recipe: Recipe, bench: Workbench, component: Component, position: int, budget: int) -> CellContext:
    assert isinstance(component, Arranging)
    return CellContext(
        bench,
        needs=component.needs,
        stochastic=component.stochastic,
        roles=_visible(bench.roles, component.access),
        budget=budget,
        batch_size=recipe.batch_size,
        order_seed=recipe.order_seed,
        position=position,
    )


def _visible(roles: dict[Role, ExampleSet], access: Access) -> dict[Role, ExampleSet]:
    """The roles that one component of the pipe may see: another may have declared more."""
    if access is Access.NONE:
        return {role: examples for role, examples in roles.items() if role != "query"}
    if access is Access.PROMPTS:
        return roles | {"query": roles["query"].restrict(access)}
    return roles


def _names(arrangement: Choice) -> list[str]:
    """How each part of the pipe is called in a message."""
    kinds = ["transform" if isinstance(part, Transform) else "arrangement" for part in arrangement.components]
    references = (arrangement.pipeline.head, *arrangement.pipeline.transforms)
    return [f"{kind} {reference.name!r}" for kind, reference in zip(kinds, references, strict=True)]


def _check(order: Order, name: str, pool_size: int, budget: int, repeats: bool, may_underfill: bool) -> None:
    indices = order.indices
    outside = indices[(indices < 0) | (indices >= pool_size)]
    if len(outside):
        raise ContractError(f"{name} returned index {outside[0]} for a pool of {pool_size} examples")
    if not repeats:
        positions, counts = np.unique(indices, return_counts=True)
        if len(positions) != len(indices):
            raise ContractError(f"{name} returned index {positions[counts > 1][0]} more than once")
    if len(order) > budget or (len(order) < budget and not may_underfill):
        raise ContractError(f"{name} returned {len(order)} examples; {budget} were asked for")


def _cut_to_tokens(order: Order, lengths: NDArray[np.int64], token_budget: int) -> Order:
    """The longest prefix whose examples have at most `token_budget` tokens together."""
    fits = int(np.searchsorted(np.cumsum(lengths[order.indices]), token_budget, side="right"))
    if not fits:
        raise ContractError(f"a budget of {token_budget} tokens does not hold the order's first example")
    return order.head(fits)


def _repeat(order: Order, epochs: int, batch_size: int) -> Order:
    """The order once per epoch. A short last batch of an epoch stays short: an epoch ends where it ends."""
    ends = order.step_ends(batch_size)
    tiled = order.take(np.tile(np.arange(len(order)), epochs))
    steps = np.concatenate([ends + epoch * len(order) for epoch in range(epochs)])
    return Order(tiled.indices, tiled.stages, tiled.stage_names, tiled.scores, steps)
