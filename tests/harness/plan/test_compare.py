"""What is to be done about a cell, and why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.plan.build import Plan
from zsg_harness.plan.compare import compare_with_store
from zsg_harness.store.leases import Leases
from zsg_harness.store.store import Store

Planned = Callable[..., Plan]
Begin = Callable[..., None]


def reasons(plan: Plan, store: Store) -> list[tuple[str | None, str | None]]:
    return [(cell.cause, cell.reason) for cell in compare_with_store(plan.cells, store)]


def test_what_an_attempt_left_is_the_reason(planned: Planned, store: Store, begin: Begin) -> None:
    plan = planned(matrix={"seeds": [0, 1, 2]})
    first, second, third, fourth, fifth, last = plan.cells
    begin(plan, [first])
    begin(plan, [second], "failed", reason="no luck")
    begin(plan, [third, fourth], "running")
    begin(plan, [fifth], "skipped", reason="no tasks")
    store.files.write(f"cells/{fourth.cell_id}/checkpoint-7/state.json", b"{}")
    store.files.write(f"cells/{fourth.cell_id}/checkpoint-12/train.parquet", b"")  # killed while it was written
    cells = compare_with_store(plan.cells, store)
    assert [(cell.state, cell.cause, cell.reason) for cell in cells] == [
        ("done", None, "in the store"),
        ("run", "failed", "failed before: no luck"),
        ("run", "cut short", "cut short before"),
        ("run", "cut short", "cut short before; goes on at step 7"),
        ("run", "unfit", "could not run before: no tasks"),
        ("run", "new", "new"),
    ]
    assert [cell.resumes_at for cell in cells] == [None, None, None, 7, None, None]
    assert last.cell_id == cells[-1].cell_id


@pytest.mark.parametrize(
    ("tables", "told"),
    [
        ({"training": {"learning_rate": 1e-3}}, "training.learning_rate 0.0003 → 0.001"),
        ({"training": {"lora": {"rank": 4}}}, "training.lora.rank default → 4"),
        ({"training": {"lora": {}}}, "training.lora default → {}"),
        ({"data": {"per_seen_task": 2}}, "data.per_seen_task none → 2"),
        ({"data": {"oracle": True}}, "data.oracle false → true"),
        ({"evaluation": {"every": 5}}, "evaluation.steps log → 5"),
        ({"matrix": {"models": [{"use": "zsg-tiny", "dtype": "bfloat16"}]}}, "model's dtype float32 → bfloat16"),
        (
            {"training": {"batch_size": 8, "epochs": 2}, "data": {"per_unseen_task": 3}},
            "data.per_unseen_task 10 → 3, training.batch_size 16 → 8, and 1 more",
        ),
    ],
)
def test_a_change_is_told_in_the_words_of_the_matrix(
    tables: dict[str, Any], told: str, planned: Planned, store: Store, begin: Begin
) -> None:
    before = planned()
    begin(before, list(before.cells))
    found = reasons(planned(**tables), store)
    assert {cause for cause, _ in found} == {"changed"}
    assert all((reason or "").startswith(told) for _, reason in found)


def test_a_component_s_change_is_told(
    planned: Planned, store: Store, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from zsg_plugins.arrangements.random import Random
    from zsg_plugins.transforms.reverse import Reverse

    before = planned()
    begin(before, list(before.cells))
    monkeypatch.setattr(Random, "revision", 2)
    monkeypatch.setattr(Reverse, "revision", 3)
    assert [reason for _, reason in reasons(planned(), store)] == [
        "arrangement random's revision 1 → 2",
        "arrangement random's revision 1 → 2",
        "transform reverse's revision 1 → 3",
        "transform reverse's revision 1 → 3",
    ]


def test_changed_data_is_told(planned: Planned, store: Store, begin: Begin, data: Path) -> None:
    before = planned()
    begin(before, list(before.cells))
    with data.open("a") as file:
        file.write(json.dumps({"prompt": "one more", "completion": "y", "task": "t0"}) + "\n")
    assert reasons(planned(), store) == [("changed", "data changed")] * 4


def test_the_newest_cell_of_the_same_name_and_seed_is_compared(planned: Planned, store: Store, begin: Begin) -> None:
    plans = [planned(training={"learning_rate": rate}) for rate in (1e-3, 2e-3)]
    for plan, year in zip(plans, (2024, 2025), strict=True):
        begin(plan, list(plan.cells))
        for cell in plan.cells:
            (attempt,) = (Path(store.url) / "cells" / cell.cell_id).glob("*/")
            attempt.rename(attempt.with_name(f"{year}0101T000000-1-000000"))
    for cell in plans[1].cells[2:]:
        store.files.write(f"cells/{cell.cell_id}/cell.json", b"{ damaged")
    found = [reason for _, reason in reasons(planned(), store)]
    assert found[:2] == ["training.learning_rate 0.002 → 0.0003"] * 2
    assert found[2:] == ["training.learning_rate 0.001 → 0.0003"] * 2
    others = planned(matrix={"seeds": [7]}, training={"learning_rate": 3e-3})
    assert {reason for _, reason in reasons(others, store)} == {"new"}


def test_a_cell_of_another_run_is_told(planned: Planned, store: Store) -> None:
    plan = planned()
    with Leases(store.files) as leases:
        assert leases.take(plan.cells[0].cell_id)
        before = sorted(path for path in Path(store.url).rglob("*"))
        found = reasons(plan, store)
        assert sorted(path for path in Path(store.url).rglob("*")) == before
    assert found[0] == ("elsewhere", f"being run by another run (process {os.getpid()})")
    assert {cause for cause, _ in found[1:]} == {"new"}
    assert {cause for cause, _ in reasons(plan, store)} == {"new"}


def test_a_lease_whose_holder_was_killed_is_none(planned: Planned, store: Store) -> None:
    plan = planned()
    script = (
        "import os, sys; from zsg_harness.store.leases import Leases; from zsg_harness.store.places import open_files\n"
        "with Leases(open_files(sys.argv[1])) as leases: assert leases.take(sys.argv[2]); os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", script, store.url, plan.cells[0].cell_id], check=False)
    assert done.returncode == 9
    assert {cause for cause, _ in reasons(plan, store)} == {"new"}
    lease = next((Path(store.url) / "leases" / plan.cells[0].cell_id).glob("1"))
    lease.write_text(json.dumps({"machine": "another", "host": "node-7", "pid": 12}))
    assert reasons(plan, store)[0] == ("elsewhere", "being run by another run (process 12 on node-7)")


def test_filters_and_exclusions_and_the_cells_to_retry(planned: Planned, store: Store, begin: Begin) -> None:
    from zsg_harness.plan.decide import Wanted, decide

    plan = planned(matrix={"arrangements": ["random", "tma", "tma | reverse"]})
    begin(plan, [plan.cells[0]])
    begin(plan, [plan.cells[1], plan.cells[2]], "failed", reason="no luck")
    retried = decide(plan, store, Wanted(excludes=["arrangement=tma,seed=0"], retry_failed=True))
    assert [(cell.labels.arrangement, cell.user_seeds, cell.state) for cell in retried] == [
        ("random", ("0",), "done"),
        ("random", ("1",), "run"),
    ]
