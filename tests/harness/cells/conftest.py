"""Whole cells, on a small model and small data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.executors.worker import WorkerSettings, make_environment
from zsg_harness.matrix.load import check_matrix
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.build import build_plan
from zsg_harness.plan.cell import Cell
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


@pytest.fixture
def plan_cells(small_matrix: Callable[..., dict[str, Any]]) -> Callable[..., list[Cell]]:
    """The cells of a small matrix."""

    def cells(**tables: dict[str, Any]) -> list[Cell]:
        loaded = check_matrix(small_matrix(**tables), "the test", Path())
        return list(build_plan(loaded, Registry()).cells)

    return cells


@pytest.fixture
def environment_of() -> Callable[[Path], Any]:
    """An environment for cells that run in the tests' own process."""
    return lambda store: make_environment(WorkerSettings(store, RunTable(), 0, 1))
