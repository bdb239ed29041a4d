"""CommonIT: steps of a single group, every example once, whatever the groups are."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.commonit import CommonIt
from zsg_registry import Access, Need, Order
from zsg_registry.testing import NaiveContext, example_set


def arranged(component: CommonIt, tasks: list[str], **options: Any) -> Order:
    return component.arrange(NaiveContext.of(component, example_set(tasks), **options))


def steps_of(order: Order) -> list[np.ndarray]:
    assert order.steps is not None
    return np.split(np.arange(len(order)), order.steps[:-1])


@given(
    tasks=st.lists(st.sampled_from("abc"), min_size=1, max_size=30),
    batch_size=st.integers(1, 5),
    budget=st.integers(1, 30),
    seed=st.integers(0, 99),
)
def test_each_step_is_of_one_task_and_only_the_rest_of_a_task_is_short(
    tasks: list[str], batch_size: int, budget: int, seed: int
) -> None:
    commonit = CommonIt()
    order = arranged(commonit, tasks, batch_size=batch_size, seed=seed)
    assert sorted(order.indices.tolist()) == list(range(len(tasks)))
    seen: dict[str, list[int]] = {}
    for step in steps_of(order):
        (task,) = {tasks[i] for i in order.indices[step]}
        assert {order.stage_names[stage] for stage in order.stages[step]} == {task}
        seen.setdefault(task, []).append(len(step))
    for task, sizes in seen.items():
        whole, rest = divmod(tasks.count(task), batch_size)
        assert sorted(sizes) == sorted([batch_size] * whole + [rest] * (rest > 0))
    cut = arranged(commonit, tasks, batch_size=batch_size, seed=seed, budget=min(budget, len(tasks)))
    assert cut.indices.tolist() == order.indices.tolist()[: len(cut)]
    assert cut.steps.tolist() == order.head(len(cut)).steps.tolist()


def test_the_steps_and_what_is_in_them_are_shuffled() -> None:
    tasks = ["a"] * 40 + ["b"] * 40
    order = arranged(CommonIt(), tasks, batch_size=4)
    of_step = [tasks[order.indices[step[0]]] for step in steps_of(order)]
    assert sum(left != right for left, right in pairwise(of_step)) > 3
    assert not all(sorted(order.indices[step]) == order.indices[step].tolist() for step in steps_of(order))
    assert arranged(CommonIt(), tasks, batch_size=4, seed=1).indices.tolist() != order.indices.tolist()
    assert arranged(CommonIt(), tasks, batch_size=4).indices.tolist() == order.indices.tolist()


@given(
    lengths=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    classes=st.integers(1, 6),
)
def test_length_classes_are_intervals_between_quantiles(lengths: list[int], classes: int) -> None:
    commonit = CommonIt(by="length", groups=classes)
    order = arranged(commonit, ["a"] * len(lengths), lengths={"pool": lengths}, batch_size=2)
    of_class: dict[int, list[int]] = {}
    for i, stage in zip(order.indices.tolist(), order.stages.tolist(), strict=True):
        of_class.setdefault(stage, []).append(lengths[i])
    assert sorted(of_class) == list(range(len(order.stage_names)))
    assert len(of_class) <= classes
    ordered = [of_class[stage] for stage in sorted(of_class)]
    assert all(max(left) < min(right) for left, right in pairwise(ordered))
    assert order.stage_names == tuple(f"{min(own)}–{max(own)} tokens" for own in ordered)
    if len(set(lengths)) == len(lengths):  # without ties the classes are equally large, to one
        sizes = [len(own) for own in ordered]
        assert max(sizes) - min(sizes) <= 1


def test_three_length_classes_by_hand() -> None:
    commonit = CommonIt(by="length", groups=3)
    order = arranged(commonit, ["a"] * 7, lengths={"pool": [10, 60, 20, 20, 30, 20, 50]})
    # A third of seven is reached with the third shortest (20), two thirds with the fifth (30).
    assert order.stage_names == ("10–20 tokens", "30–30 tokens", "50–60 tokens")
    assert [sorted(order.indices[order.stages == stage]) for stage in range(3)] == [[0, 2, 3, 5], [4], [1, 6]]


def test_clusters_are_those_of_the_embeddings_directions_for_every_seed() -> None:
    rng = np.random.default_rng(0)
    directions = np.eye(4)[rng.integers(4, size=60)]
    vectors = (directions + 0.01 * rng.normal(size=(60, 4))) * rng.uniform(0.1, 50, size=(60, 1))
    commonit = CommonIt(by="cluster", groups=4)
    stages = []
    for seed in (0, 1):
        order = arranged(commonit, ["a"] * 60, embeddings={"pool": vectors}, seed=seed)
        stages.append(order.stages[np.argsort(order.indices)])
        pairs = {
            (int(stage), int(np.argmax(directions[i]))) for i, stage in zip(order.indices, order.stages, strict=True)
        }
        assert len(pairs) == 4
    np.testing.assert_array_equal(stages[0], stages[1])


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("n", "distinct"), [(1, 1), (3, 3), (6, 2)])
def test_there_may_be_fewer_examples_or_directions_than_clusters(n: int, distinct: int) -> None:
    vectors = np.eye(4)[np.arange(n) % distinct]
    order = arranged(CommonIt(by="cluster", groups=4), ["a"] * n, embeddings={"pool": vectors})
    assert sorted(order.indices.tolist()) == list(range(n))
    assert len(order.stage_names) == distinct


@pytest.mark.parametrize(("by", "need"), [("task", Need.TASKS), ("cluster", Need.EMBEDDER), ("length", Need.TOKENIZER)])
def test_only_the_needed_service_is_declared(by: str, need: Need) -> None:
    commonit = CommonIt(by=by)
    assert (commonit.needs, commonit.access, commonit.stochastic) == ({need}, Access.NONE, True)
