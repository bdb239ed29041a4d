"""A small matrix, planned, and stores that have some of its cells."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.matrix.load import check_matrix
from zsg_harness.plan.build import Plan, build_plan
from zsg_harness.plan.cell import Cell
from zsg_harness.runner import freeze
from zsg_harness.store.store import Store
from zsg_registry import Registry


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data file of four tasks."""
    path = tmp_path / "data.jsonl"
    rows = [{"prompt": f"{task} {n}", "completion": "x", "task": f"t{task}"} for task in range(4) for n in range(4)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def planned(data: Path) -> Callable[..., Plan]:
    """The plan of a matrix on that data; keywords go over its tables."""

    def plan(**tables: dict[str, Any]) -> Plan:
        base: dict[str, dict[str, Any]] = {
            "matrix": {
                "arrangements": ["random", "tma | reverse"],
                "embedders": ["tfidf"],
                "datasets": [{"use": "jsonl", "path": str(data), "unseen": ["t3"], "label": "mine"}],
                "metrics": ["loss"],
                "budgets": [8],
                "seeds": [0, 1],
            }
        }
        document = {name: {**base.get(name, {}), **tables.get(name, {})} for name in base | tables}
        return build_plan(check_matrix(document, "the test", Path()), Registry())

    return plan


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def begin(store: Store) -> Callable[..., None]:
    """Freezes a plan in the store, and leaves an attempt at each of some cells behind, as a run does."""

    def attempt(plan: Plan, cells: list[Cell], state: str = "finished", **status: Any) -> None:
        freeze(plan, store)
        for cell in cells:
            own = store.new_attempt(cell.cell_id, cell.model_dump(mode="json"))
            own.status(state, **status)
            if state == "finished":
                own.commit()

    return attempt
