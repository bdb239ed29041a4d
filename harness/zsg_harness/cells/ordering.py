"""From a pipe of components to the order that is trained: arranged, checked, cut, transformed, repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from zsg_registry import ArrangeContext, Arrangement, Component, ContractError, Order, Transform

ContextOf = Callable[[Component, int], ArrangeContext]


def make_order(
    components: Sequence[Component],
    names: Sequence[str],
    context_of: ContextOf,
    *,
    pool_size: int,
    budget: int,
    token_budget: int | None,
    lengths: Callable[[], NDArray[np.int64]],
    epochs: int,
    batch_size: int,
) -> Order:
    """Run a pipe and hold it to its promises.

    Args:
        components: An arrangement, then transforms.
        names: How each is called in a message.
        context_of: The context of a component at its place in the pipe.
        pool_size: Examples in the pool.
        budget: Examples the arrangement must return.
        token_budget: Where the order is cut, in tokens, or None.
        lengths: Tokens of each example of the pool.
        epochs: How often the order is repeated.
        batch_size: Examples per step where the order does not say.

    Raises:
        ContractError: A component returned an index out of range, a repeat, or the wrong number of examples.
    """
    arrangement = components[0]
    assert isinstance(arrangement, Arrangement)
    result = arrangement.arrange(context_of(arrangement, 0))
    order = result if isinstance(result, Order) else Order(np.asarray(result))
    _check(order, names[0], pool_size, budget, arrangement.repeats, arrangement.may_underfill)
    if token_budget is not None:
        order = _cut_to_tokens(order, lengths(), token_budget)
    for position, transform in enumerate(components[1:], start=1):
        assert isinstance(transform, Transform)
        before = len(order)
        order = transform.apply(order, context_of(transform, position))
        repeats = transform.repeats or arrangement.repeats
        _check(order, names[position], pool_size, before, repeats, transform.may_underfill)
    if not len(order):
        raise ContractError(f"{names[-1]} left no examples to train on")
    return order if arrangement.plans_epochs or epochs == 1 else _repeat(order, epochs, batch_size)


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
    return order.head(fits)


def _repeat(order: Order, epochs: int, batch_size: int) -> Order:
    """The order once per epoch. A short last batch of an epoch stays short: an epoch ends where it ends."""
    ends = order.step_ends(batch_size)
    tiled = order.take(np.tile(np.arange(len(order)), epochs))
    steps = np.concatenate([ends + epoch * len(order) for epoch in range(epochs)])
    return Order(tiled.indices, tiled.stages, tiled.stage_names, tiled.scores, steps)
