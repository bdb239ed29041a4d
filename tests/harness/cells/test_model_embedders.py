"""Embedders that use the cell's own base model, in real cells of several arrangements."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from zsg_harness.cells.run import run_cell
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store

Cells = Callable[..., list[Cell]]

GRADIENT = "lm-gradient[checkpoints=1,steps=2,dimensions=64]"
PIPED = "lm-hidden[layer=-2] | whiten[dimensions=8]"
LOSSES = "loss-trajectory[proxy=zsg-tiny,points=2,steps=1,batch_size=4] | center"


def run(cell: Cell, store: Path, environment_of: Callable[[Path], Any]) -> Path:
    """The folder of a cell's results."""
    outcome = run_cell(cell, Store(store), environment_of(store), lambda progress: None)
    assert outcome.state == "finished", outcome.reason
    attempt = Store(store).committed(cell.cell_id)
    assert attempt is not None
    return attempt.folder


def test_gradients_choose_for_every_arrangement_and_are_computed_once(
    plan_cells: Cells, environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    arrangements = ["nft", "tma", "round-robin-nearest", "doubly-greedy"]
    cells = plan_cells(matrix={"arrangements": arrangements, "embedders": [GRADIENT], "budgets": [16]})
    assert [cell.labels.embedder for cell in cells] == [GRADIENT] * 4

    orders = [run(cell, tmp_path, environment_of) / "order.parquet" for cell in cells]

    vectors = sorted(tmp_path.rglob("cache/embeddings/*.npy"))
    assert len(vectors) == 2
    pool, query = sorted((np.load(file) for file in vectors), key=len, reverse=True)
    assert pool.shape[1] == query.shape[1] == 64
    assert len({file.read_bytes() for file in orders}) == 4
    # What doubly-greedy takes first is the nearest of all, by the vectors that were kept.
    unit = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (pool, query)]
    first = pq.read_table(orders[3]).column("score")[0].as_py()
    assert first == pytest.approx(-float((unit[0] @ unit[1].T).max()), abs=1e-5)


def test_pipes_run_and_are_told_of(plan_cells: Cells, environment_of: Callable[[Path], Any], tmp_path: Path) -> None:
    cells = plan_cells(matrix={"arrangements": ["tma"], "embedders": [PIPED, LOSSES], "budgets": [16]})
    assert [cell.labels.embedder for cell in cells] == [PIPED, LOSSES]
    for cell in cells:
        folder = run(cell, tmp_path, environment_of)
        embedded = json.loads((folder / "status.json").read_text())["embedded"]
        assert {entry["role"] for entry in embedded} == {"pool", "query"}
        assert [part["name"] for part in cell.spec["arranged"]["embedder"]] == [
            reference.split("[")[0].strip() for reference in str(cell.embedder).split("|")
        ]
