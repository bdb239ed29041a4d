"""Whole cells, on a small model and small data."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from functools import cache
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.executors import nursery
from zsg_harness.executors.process import WorkerSettings, make_environment
from zsg_harness.executors.slots import Slot
from zsg_harness.executors.worker import worker_main
from zsg_harness.matrix.load import check_matrix
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.build import build_plan
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store
from zsg_registry import Registry

SMALL_DATA = "procedural[examples_per_seen_task=2,examples_per_unseen_task=4]"


@pytest.fixture(scope="session")
def small_matrix(small_model: Path) -> Callable[..., dict[str, Any]]:
    """A matrix document whose cells take a second; keywords go over its tables."""

    def document(**tables: dict[str, Any]) -> dict[str, Any]:
        base: dict[str, dict[str, Any]] = {
            "matrix": {
                "name": "small",
                "models": [str(small_model)],
                "datasets": [SMALL_DATA],
                "embedders": ["tfidf"],
                "arrangements": ["random"],
                "metrics": ["loss"],
                "budgets": [40],
            },
            "data": {"per_unseen_task": 2, "query_per_task": 2},
            "training": {"learning_rate": 1e-2},
            "evaluation": {"max_new_tokens": 4},
        }
        return {name: {**base.get(name, {}), **tables.get(name, {})} for name in base | tables}

    return document


@pytest.fixture(scope="session")
def plan_cells(small_matrix: Callable[..., dict[str, Any]]) -> Callable[..., list[Cell]]:
    """The cells of a small matrix."""

    def cells(**tables: dict[str, Any]) -> list[Cell]:
        loaded = check_matrix(small_matrix(**tables), "the test", Path())
        return list(build_plan(loaded, Registry()).cells)

    return cells


@pytest.fixture
def environment_of() -> Callable[[Path], Any]:
    """An environment for cells that run in the tests' own process."""
    return lambda store: make_environment(WorkerSettings(str(store), RunTable(), Slot(0, "", 1)))


@cache
def _warm_nursery() -> None:
    """Where workers that are killed again and again are forked from has all that they would import each time."""
    forkserver.set_forkserver_preload(
        ["zsg_harness.executors.forked_from", "zsg_harness.cells.run", "sklearn.feature_extraction.text"]
    )
    forkserver.ensure_running()


class Attempt:
    """A worker process with a cell to run."""

    def __init__(self, cell: Cell, store: Path, run: RunTable) -> None:
        _warm_nursery()
        self._connection, theirs = multiprocessing.Pipe()
        settings = WorkerSettings(str(store), run, Slot(0, "", run.processes_per_cell))
        self._process = nursery.start(worker_main, settings, theirs, daemon=run.processes_per_cell == 1)
        theirs.close()
        self._connection.send(cell.model_dump_json())

    def outcome(self, within: float = 120.0, until_step: int | None = None) -> Outcome | None:
        """How the cell ended, if it did in so many seconds and before so many steps."""
        end = time.monotonic() + within
        while (left := end - time.monotonic()) > 0 and self._connection.poll(left):
            said = self._connection.recv()
            if isinstance(said, Outcome):
                return said
            if isinstance(said, Progress) and until_step is not None and said.step >= until_step:
                return None
        return None

    def finish(self) -> None:
        """See the cell finish."""
        outcome = self.outcome()
        self.end()
        assert outcome is not None
        assert outcome.state == "finished", outcome.reason

    def end(self) -> None:
        """Kill the process (SIGKILL)."""
        self._process.kill()
        self._process.join()
        self._connection.close()


@pytest.fixture(scope="module")
def attempt() -> Iterator[Callable[[Cell, Path, RunTable], Attempt]]:
    """Starts workers, and ends those that are left."""
    started: list[Attempt] = []

    def start(cell: Cell, store: Path, run: RunTable) -> Attempt:
        started.append(Attempt(cell, store, run))
        return started[-1]

    yield start
    for each in started:
        if each._process.is_alive():
            each.end()


@pytest.fixture(scope="session")
def results() -> Callable[[Path, Cell], dict[str, Any]]:
    """All that a cell leaves behind, but for what tells the time."""

    def read(store: Path, cell: Cell) -> dict[str, Any]:
        attempt = Store(store).committed(cell.cell_id)
        assert attempt is not None
        names = [name.removesuffix(".parquet") for name in attempt.names() if name.endswith(".parquet")]
        tables = {name: attempt.read_table(name).to_pandas() for name in names}
        tables = {name: table.drop(columns="seconds", errors="ignore") for name, table in tables.items()}
        weights = next((attempt.folder / "model").glob("*.safetensors")).read_bytes()
        return {**tables, "tokens": attempt.read_json("status")["tokens"], "weights": weights}

    return read
