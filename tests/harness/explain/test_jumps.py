"""What came just before a drop, hubs, and the mix of tasks, on a cell whose receipt is written here."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest
from scipy.stats import skew

from zsg_harness.cells.roles import Roles
from zsg_harness.explain.consumed import Consumed
from zsg_harness.explain.hubness import hubness
from zsg_harness.explain.jumps import explain_jump
from zsg_harness.explain.mix import mix
from zsg_harness.reports.dynamics import DatedDrop
from zsg_harness.reports.task_curves import TaskCurves
from zsg_registry import Example, ExampleSet

STEPS = np.array([0, 1, 5, 10])


def example(number: int, task: str) -> Example:
    return Example(id=f"{task}{number}", task=task, source=f"of {task}", prompt=f"{task}\n asks", completion="x " * 99)


@pytest.fixture
def consumed() -> Consumed:
    """Twenty examples of task a, then twenty of b, four a step; scored are tasks u and v."""
    pool = ExampleSet.from_examples(example(number, "ab"[number // 20]) for number in range(40))
    scored = ExampleSet.from_examples(example(number, "uv"[number % 2]) for number in range(4))
    nothing = pool.take([])
    roles = Roles(pool, nothing, scored, nothing)
    curves = TaskCurves(["c", "c"], ["u", "v"], STEPS, np.array([[4, 4, 4, 2.0], [4, 3, 2, 1]]))
    return Consumed(cast("Any", None), {}, roles, scored, np.arange(40), np.repeat(np.arange(1, 11), 4), curves)


def test_receipts_are_cut_at_the_evaluations(consumed: Consumed) -> None:
    assert consumed.counts().tolist() == [0, 4, 20, 40]
    assert consumed.between(5, 10) == slice(20, 40)
    assert consumed.between(0, 1) == slice(0, 4)


def test_the_nearest_examples_just_before_a_drop(consumed: Consumed) -> None:
    vectors = np.zeros((40, 3), dtype=np.float32)
    vectors[:, 0] = 1
    vectors[7] = [0.6, 0.8, 0]  # near u, but consumed long before
    vectors[31] = [0, 5, 0]
    vectors[25] = [0.1, 1, 0]
    vectors[35] = [0, 0, 1]  # v's own
    scored = np.array([[0, 1, 0], [0, 0, 1], [0, 1, 0.1], [0, 0, 1]], dtype=np.float32)
    jump = explain_jump(consumed, DatedDrop("u", "c", 5, 10, 4.0, 2.0), vectors, scored)
    assert [(near.id, near.step, near.task, near.of) for near in jump.nearest[:2]] == [
        ("b31", 8, "b", "u0"),
        ("b25", 7, "b", "u0"),
    ]
    assert jump.nearest[0].similarity == pytest.approx(1)
    assert jump.nearest_before == pytest.approx(0.8)
    assert jump.came_nearer
    assert (jump.consumed, jump.tasks) == (20, {"b": 1.0})
    assert jump.nearest[0].text.startswith("b asks x x")
    assert len(jump.nearest[0].text) == 120
    assert jump.nearest[0].source == "of b"


def test_a_drop_before_which_nothing_came_nearer_says_so(consumed: Consumed) -> None:
    vectors = np.eye(2, dtype=np.float32)[np.arange(40) // 20]
    scored = np.array([[1, 0.1]] * 4, dtype=np.float32)
    jump = explain_jump(consumed, DatedDrop("v", "c", 5, 10, 4.0, 2.0), vectors, scored)
    assert not jump.came_nearer
    first = explain_jump(consumed, DatedDrop("v", "c", 0, 1, 4.0, 2.0), vectors, scored)
    assert first.nearest_before is None
    assert first.came_nearer


def test_the_mix_of_tasks_over_training(consumed: Consumed) -> None:
    found = mix(consumed, "task")
    assert found.ends == tuple(range(1, 11))
    assert found.shares == {"a": (1.0,) * 5 + (0.0,) * 5, "b": (0.0,) * 5 + (1.0,) * 5}
    assert list(mix(consumed, "source").shares) == ["of a", "of b"]


def test_hubness_is_the_skewness_of_counted_neighbours() -> None:
    draw = np.random.default_rng(0)
    pool, queries = (draw.normal(size=(size, 20)).astype(np.float32) for size in (60, 25))
    found = hubness(pool, queries, [str(row) for row in range(60)], k=7)
    cosines = (queries @ pool.T) / np.linalg.norm(pool, axis=1)
    counts = np.bincount(np.argsort(-cosines, axis=1)[:, :7].ravel(), minlength=60)
    assert found.skewness == pytest.approx(skew(counts))
    assert found.orphans == np.mean(counts == 0)
    assert max(found.hubs.values()) == counts.max()
    assert [counts[int(row)] for row in found.hubs] == list(found.hubs.values())


def test_one_hub_for_all_is_far_from_even() -> None:
    pool = np.eye(30, dtype=np.float32)
    even = hubness(pool, pool, [str(row) for row in range(30)], k=1)
    hub = hubness(pool, np.tile(pool[:1], (30, 1)), [str(row) for row in range(30)], k=1)
    assert even.skewness is None
    assert hub.skewness is not None
    assert hub.skewness > 5
    assert hub.hubs["0"] == 30
