"""Finished cells without training: planned for real, with results made up so that they agree with each other."""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from zsg_harness.matrix.load import check_matrix
from zsg_harness.plan.build import Plan, build_plan
from zsg_harness.plan.cell import Cell
from zsg_harness.runner import freeze
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.store import Store
from zsg_harness.store.tables import EXAMPLES, SCORES, TRAIN
from zsg_registry import Order, OrderFile, Registry

TASKS = ("b-task", "a-task")
SIZE, BATCH = 20, 16


@pytest.fixture(scope="session")
def plan() -> Plan:
    """A matrix of twelve cells."""
    document = {
        "matrix": {
            "name": "made-up",
            "models": ["zsg-tiny"],
            "datasets": ["procedural[examples_per_seen_task=2,examples_per_unseen_task=4]"],
            "arrangements": ["random", "round-robin"],
            "metrics": ["loss"],
            "budgets": [SIZE],
            "seeds": [0, 1, 2, 3, 4, 5],
        },
        "training": {"learning_rate": 1e-2},
    }
    return build_plan(check_matrix(document, "the test", Path()), Registry())


@pytest.fixture(scope="session")
def cells(plan: Plan) -> tuple[Cell, ...]:
    return plan.cells


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a remote store keeps on this machine does not outlive the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True)
def _no_waiting_for_disks(monkeypatch: pytest.MonkeyPatch) -> None:
    """That bytes have reached the disk matters when the power fails, which no test can see."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(params=["local", "memory"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], str]:
    """Gives a new place for a store whenever it is called: a folder, or a URL."""
    numbers = itertools.count()
    if request.param == "local":
        return lambda: str(tmp_path / f"store-{next(numbers)}")
    return lambda: f"memory://{uuid.uuid4().hex}"


@pytest.fixture(scope="session")
def finish() -> Callable[..., Attempt]:
    return finish_cell


def begin_cell(store: Store, cell: Cell) -> Attempt:
    return store.new_attempt(cell.cell_id, cell.description)


def finish_cell(store: Store, cell: Cell, loss: float = 2.0, commit: bool = True) -> Attempt:
    """Write an attempt at a cell whose last loss is `loss`."""
    seed = int(cell.cell_id[:8], 16)
    pool = [f"e{number}" for number in range(2 * SIZE)]
    order = Order(np.random.default_rng(seed).permutation(len(pool))[:SIZE])
    file = OrderFile.of(order, pool, BATCH, {})
    ends = order.step_ends(BATCH).tolist()
    sizes = np.diff(ends, prepend=0)
    receipt = {
        "step": pa.array(np.repeat(np.arange(1, len(ends) + 1), sizes), pa.int32()),
        "position": pa.array(np.arange(SIZE), pa.int64()),
        "example_id": pa.array(file.ids),
    }
    train = [
        {"step": step, "loss": 3.0, "lr": 0.01, "grad_norm": 1.0, "tokens": 10 * size, "seconds": 0.1}
        for step, size in enumerate(sizes.tolist(), start=1)
    ]
    tokens = [0, *(10 * end for end in ends)]
    losses = {step: loss + 0.5 * (len(ends) - step) for step in range(len(ends) + 1)}
    scored = [(step, task) for step in losses for task in TASKS]
    attempt = begin_cell(store, cell)
    attempt.status("running")
    attempt.write_table("order", file.to_arrow())
    attempt.write_table("receipt", pa.table(receipt))
    attempt.write_table("train", pa.Table.from_pylist(train, TRAIN))
    attempt.write_table("scores", score_table([(step, tokens[step], task, losses[step]) for step, task in scored]))
    attempt.write_table("examples", example_table([(step, task, losses[step]) for step, task in scored]))
    attempt.write_json("metrics", {"loss": {"direction": "lower", "scope": "unseen"}})
    facts: dict[str, Any] = {name: file.document[name] for name in ("set_hash", "order_hash")}
    facts |= {"held_out": "unseen tasks", "examples": SIZE, "steps": len(ends), "tokens": tokens[-1]}
    facts |= {"evalset": store.write_eval_set(pa.table({"id": ["q0", "q1"], "task": list(TASKS)}))}
    attempt.status("finished", **facts, seconds=1.5, started="2026-01-01T00:00:00+00:00", reason=None)
    if commit:
        assert attempt.commit()
    return attempt


def score_table(rows: list[tuple[int, int, str, float]], metric: str = "loss") -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"step": step, "tokens": tokens, "task": task, "metric": metric, "value": value, "count": 2}
            for step, tokens, task, value in rows
        ],
        SCORES,
    )


def example_table(rows: list[tuple[int, str, float]]) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {"step": step, "example_id": f"q{TASKS.index(task)}", "task": task, "loss": loss, "tokens": 3}
            for step, task, loss in rows
        ],
        EXAMPLES,
    )


@pytest.fixture(scope="session")
def add_metric() -> Callable[..., None]:
    def add(attempt: Attempt, value: float, name: str = "bleu") -> None:
        """What `score` writes."""
        table = score_table([(2, 200, task, value) for task in TASKS], name)
        attempt.write_table(f"scores.{name}", table)
        attempt.write_json(f"metrics.{name}", {name: {"direction": "higher", "scope": "unseen"}})

    return add


@pytest.fixture
def stored(tmp_path: Path, cells: tuple[Cell, ...], plan: Plan) -> Store:
    """A store on this machine with three finished cells and their frozen matrix."""
    store = Store(tmp_path / "stored")
    for cell in cells[:3]:
        finish_cell(store, cell)
    freeze(plan, store)
    return store
