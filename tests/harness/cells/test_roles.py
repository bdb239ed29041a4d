"""Cutting pool, probe, eval and query: disjoint, drawn by name, and eval fixed whatever the seed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.cells.roles import cut_roles
from zsg_harness.matrix.schema import DataTable
from zsg_registry import Example, ExampleSet, ZsgError


def data(seen: dict[str | None, int], unseen: dict[str | None, int]) -> ExampleSet:
    return ExampleSet.from_examples(
        Example(id=f"{side}-{task}-{i}", task=task, side=side, prompt=f"p{i}", completion="c")  # type: ignore[arg-type]
        for side, sizes in (("seen", seen), ("unseen", unseen))
        for task, size in sizes.items()
        for i in range(size)
    )


WORLD = data({"a": 30, "b": 12, "c": 1}, {"x": 20, "y": 3, "z": 1})


@given(st.integers(1, 40), st.integers(1, 15), st.integers(1, 15), st.integers(0, 9), st.integers(0, 5))
def test_roles_are_disjoint_and_within_their_caps(pool: int, evaluated: int, query: int, probe: int, seed: int) -> None:
    settings = DataTable(per_seen_task=pool, per_unseen_task=evaluated, query_per_task=query, probe_per_task=probe)
    roles = cut_roles(WORLD, settings, seed)
    parts = [roles.pool.ids, roles.probe.ids, roles.eval.ids, roles.query.ids]
    assert sum(map(len, parts)) == len(set().union(*parts))
    for part, cap in zip(parts, (pool, probe, evaluated, query), strict=True):
        tasks = [identifier.split("-")[1] for identifier in part]
        assert all(tasks.count(task) <= cap for task in set(tasks))
    assert {identifier.split("-")[1] for identifier in roles.eval.ids} == {"x", "y", "z"}


def test_eval_never_varies_with_the_seed_and_the_rest_does() -> None:
    settings = DataTable(per_seen_task=5, per_unseen_task=5, query_per_task=5)
    first, second = (cut_roles(WORLD, settings, seed) for seed in (0, 1))
    assert first.eval.ids == second.eval.ids
    assert first.pool.ids != second.pool.ids
    assert first.query.ids != second.query.ids


def test_a_new_task_changes_no_other_draw() -> None:
    settings = DataTable(per_seen_task=5, per_unseen_task=5)
    bigger = data({"new": 9, "a": 30, "b": 12, "c": 1}, {"x": 20, "new": 9, "y": 3, "z": 1})
    small, big = cut_roles(WORLD, settings, 0), cut_roles(bigger, settings, 0)
    for role in ("pool", "eval", "query"):
        kept = [identifier for identifier in getattr(big, role).ids if "new" not in identifier]
        assert kept == getattr(small, role).ids


def test_under_oracle_the_query_is_what_is_scored() -> None:
    roles = cut_roles(WORLD, DataTable(per_unseen_task=5, oracle=True), 0)
    assert roles.query.ids == roles.eval.ids
    assert sum("-y-" in identifier for identifier in roles.eval.ids) == 3


def test_data_without_tasks_is_one_group_and_is_not_called_unseen_tasks() -> None:
    roles = cut_roles(data({None: 9}, {None: 9}), DataTable(per_unseen_task=3, query_per_task=2), 0)
    assert (len(roles.eval), len(roles.query)) == (3, 2)
    assert roles.held_out == "held-out examples"
    assert cut_roles(WORLD, DataTable(), 0).held_out == "unseen tasks"


@pytest.mark.parametrize("side", ["seen", "unseen"])
def test_an_empty_side_is_an_error(side: str) -> None:
    with pytest.raises(ZsgError, match=f"no examples on the {side} side"):
        cut_roles(data({} if side == "seen" else {"a": 1}, {} if side == "unseen" else {"x": 1}), DataTable(), 0)
