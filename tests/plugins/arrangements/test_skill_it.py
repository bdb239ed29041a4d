"""Skill-It, with histories in the place of a training loop."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.skill_it import SkillIt
from zsg_registry import Access, ContractError, Need, Order, Segment
from zsg_registry.testing import NaiveContext, example_set

TASKS = ["a"] * 30 + ["b"] * 30 + ["c"] * 30


def context_of(component: SkillIt, tasks: Sequence[str | None] = TASKS, **options: object) -> NaiveContext:
    return NaiveContext.of(component, example_set(tasks), **({"batch_size": 4} | options))


def history_of(*losses: Mapping[str, float]) -> list[Segment]:
    """Segments of four examples each, the first ones of the pool."""
    return [Segment(Order(np.arange(4 * i, 4 * i + 4)), losses=own) for i, own in enumerate(losses)]


def weights_after(component: SkillIt, history: Sequence[Segment], **options: object) -> dict[str, float]:
    """The weight of each task that the next segment has examples of."""
    context = context_of(component, **options)  # type: ignore[arg-type]
    order = component.next_segment(context, history)
    assert order is not None
    assert order.scores is not None
    return dict(zip(context.pool["task"][order.indices], order.scores.tolist(), strict=True))


def softmax(**logits: float) -> dict[str, float]:
    total = sum(math.exp(value) for value in logits.values())
    return {task: pytest.approx(math.exp(value) / total, rel=1e-6) for task, value in logits.items()}


def test_the_first_segment_is_uniform_and_later_ones_follow_the_losses() -> None:
    component = SkillIt(eta=0.5, window=2)
    assert weights_after(component, []) == softmax(a=0, b=0, c=0)
    one = {"a": 9.0, "b": 9.0, "c": 1.0}  # out of the window at the end
    two, three = {"a": 1.0, "b": 2.0, "c": 0.5}, {"a": 1.5, "b": 1.0, "c": 0.5}
    assert weights_after(component, history_of(one)) == softmax(a=4.5, b=4.5, c=0.5)
    assert weights_after(component, history_of(one, two, three)) == softmax(a=1.25, b=1.5, c=0.5)
    assert weights_after(SkillIt(eta=0), history_of(one, two)) == softmax(a=0, b=0, c=0)


def test_the_graph_lends_a_task_the_losses_of_similar_ones() -> None:
    # Mean embeddings: a and b at 60 degrees, c opposite to a, at 120 degrees to b; negative cosines count as 0.
    half, side = 0.5, math.sqrt(0.75)
    vectors = [[1, 0]] * 30 + [[2 * half, 2 * side]] * 30 + [[-3, 0.5], [-3, -0.5]] * 15
    component = SkillIt(graph="similarity", eta=1.0, window=1)
    found = weights_after(component, history_of({"a": 1.0, "b": 2.0, "c": 3.0}), embeddings={"pool": vectors})
    assert found == softmax(a=(1 + half * 2) / 1.5, b=(half * 1 + 2) / 1.5, c=3)


def test_a_task_without_a_loss_counts_with_the_mean_of_the_others() -> None:
    component = SkillIt(eta=1.0, window=2)
    first, second = {"a": 1.0, "c": 2.0, "unseen task": 9.0}, {"a": 0.5, "b": math.nan, "c": 1.5}
    assert weights_after(component, history_of(first, second)) == softmax(a=1.5, b=1.5 + 1.0, c=3.5)
    assert weights_after(component, history_of({}, {"z": 1.0})) == softmax(a=0, b=0, c=0)


def run(component: SkillIt, context: NaiveContext, losses: Mapping[str, float]) -> list[Segment]:
    history: list[Segment] = []
    while (order := component.next_segment(context, history)) is not None:
        history.append(Segment(order, losses))
    return history


@given(
    tasks=st.lists(st.sampled_from("abcde"), min_size=1, max_size=60),
    steps=st.integers(1, 4),
    seed=st.integers(0, 99),
    eta=st.sampled_from([0.0, 1.0, 500.0]),
    data=st.data(),
)
def test_segments_fill_the_budget_without_repeats_and_are_replayed(
    tasks: list[str], steps: int, seed: int, eta: float, data: st.DataObject
) -> None:
    budget = data.draw(st.integers(1, len(tasks)))
    component = SkillIt(segment_steps=steps, eta=eta)
    history = run(component, context_of(component, tasks, budget=budget, seed=seed), {"a": 3.0, "b": 1.0, "c": 0.0})
    indices = [int(i) for segment in history for i in segment.order.indices]
    assert len(indices) == len(set(indices)) == budget
    whole, rest = divmod(budget, steps * 4)
    assert [len(segment.order) for segment in history] == [steps * 4] * whole + [rest] * (rest > 0)
    assert [segment.order.stages.tolist() for segment in history] == [
        [i] * len(segment.order) for i, segment in enumerate(history)
    ]
    # A resumed cell replays its history in a new process and must go on in the very same way.
    resumed = data.draw(st.integers(0, len(history) - 1))
    again = component.next_segment(context_of(component, tasks, budget=budget, seed=seed), history[:resumed])
    assert again is not None
    assert again.indices.tolist() == history[resumed].order.indices.tolist()


def test_a_task_that_is_used_up_leaves_its_share_to_the_others() -> None:
    component = SkillIt(segment_steps=3, eta=1000.0)
    tasks = ["a"] * 20 + ["b"] * 9 + ["c"] * 20
    history = history_of({"a": 1.0, "b": 3.0, "c": 2.0})  # its four examples are of a
    context = context_of(component, tasks)
    order = component.next_segment(context, history)
    assert order is not None
    assert context.pool["task"][order.indices].tolist() == ["b"] * 9 + ["c"] * 3  # by far the greatest weights first
    assert set(order.indices[:9].tolist()) == set(range(20, 29))


def test_draws_follow_the_weights_and_the_seed() -> None:
    component = SkillIt(segment_steps=10, eta=1.0, window=1)
    losses = {"a": 0.0, "b": math.log(2), "c": math.log(3)}
    tasks = [task for task in "abc" for _ in range(400)]
    counts: Counter[str] = Counter()
    orders = set()
    for seed in range(50):
        context = context_of(component, tasks, seed=seed)
        order = component.next_segment(context, [Segment(Order(np.arange(4)), losses)])
        assert order is not None
        counts.update(context.pool["task"][order.indices])
        orders.add(tuple(order.indices.tolist()))
    drawn = sum(counts.values())
    assert drawn == 2000
    assert len(orders) == 50
    for task, expected in (("a", 1 / 6), ("b", 2 / 6), ("c", 3 / 6)):
        assert counts[task] / drawn == pytest.approx(expected, abs=5 * math.sqrt(0.25 / drawn))


def test_segments_draw_anew() -> None:
    component = SkillIt(segment_steps=5, eta=0.0)
    history = run(component, context_of(component, budget=40), {})
    tasks = [[TASKS[i] for i in segment.order.indices] for segment in history]
    assert len(tasks) == 2
    assert tasks[0] != tasks[1]


def test_declarations() -> None:
    assert SkillIt().needs == {Need.TASKS}
    assert SkillIt(graph="similarity").needs == {Need.TASKS, Need.EMBEDDER}
    assert SkillIt().access is Access.NONE
    assert SkillIt().stochastic
    graph = SkillIt(graph="similarity")
    with pytest.raises(ContractError, match=r"Need\.EMBEDDER"):
        graph.next_segment(context_of(graph, needs=frozenset({Need.TASKS})), [])
