"""Several processes do the same steps as one: the same receipts, and the same numbers but for rounding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load

from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.training.world import World
from zsg_registry import ExampleSet

Results = Callable[[Path, Cell], dict[str, Any]]
Start = Callable[[Cell, Path, RunTable], Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("processes")


@pytest.fixture(scope="module")
def cell(plan_cells: Callable[..., list[Cell]], examples: ExampleSet, folder: Path) -> Cell:
    """Two epochs of 41 examples in steps of 4: a last step of one example, which leaves processes without any."""
    rows = [
        {
            "task": f"task-{number % 6}",
            "prompt": f"{number}: {each.prompt}",
            "completion": each.completion,
            "choices": [each.completion, f"not {each.completion}", "no"],
        }
        for number, each in enumerate([*examples, *examples])
    ]
    data = folder / "data.jsonl"
    data.write_text("\n".join(map(json.dumps, rows)))
    (cell,) = plan_cells(
        matrix={
            "datasets": [{"use": "jsonl", "path": str(data), "unseen": ["task-1", "task-4"]}],
            "metrics": ["loss", "exact-match", "rank-accuracy"],
            "budgets": [41],
        },
        data={"per_unseen_task": 12, "probe_per_task": 1},
        training={"batch_size": 4, "epochs": 2, "learning_rate": 1e-3},
        evaluation={"steps": [5, 20], "max_new_tokens": 4},
    )
    return cell


@pytest.fixture(scope="module")
def alone(cell: Cell, attempt: Start, results: Results, folder: Path) -> dict[str, Any]:
    """What one process makes of it."""
    attempt(cell, folder / "alone", RunTable(save_model=True)).finish()
    return results(folder / "alone", cell)


def check_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    for name in ("order", "receipt"):
        pd.testing.assert_frame_equal(ours[name], theirs[name], check_exact=True)
    plan = theirs["order"]
    assert theirs["receipt"]["example_id"].tolist() == plan["example_id"].tolist()
    norms = [each["train"]["grad_norm"] for each in (ours, theirs)]
    pd.testing.assert_series_equal(*norms, check_exact=False, rtol=1e-4)  # norms of norms where weights are shared out
    ours, theirs = ({**each, "train": each["train"].drop(columns="grad_norm")} for each in (ours, theirs))
    for name in ("train", "scores", "examples", "probe", "metrics"):
        pd.testing.assert_frame_equal(ours[name], theirs[name], check_exact=False, rtol=0, atol=1e-5)
    weights = [
        torch.cat([tensor.flatten() for _, tensor in sorted(load(each["weights"]).items())]) for each in (ours, theirs)
    ]
    torch.testing.assert_close(*weights, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("processes", "most", "shard"),
    [(1, 1, False), (2, None, False), (3, 1, False), (2, None, True)],
    ids=["1, accumulating", "2", "3, accumulating", "2, sharing the weights"],
)
def test_the_same_steps(
    processes: int,
    most: int | None,
    shard: bool,
    cell: Cell,
    alone: dict[str, Any],
    attempt: Start,
    results: Results,
    tmp_path: Path,
) -> None:
    run = RunTable(processes_per_cell=processes, micro_batch_examples=most, shard=shard, save_model=True)
    attempt(cell, tmp_path / "together", run).finish()
    check_same(results(tmp_path / "together", cell), alone)


def test_resumed_by_another_number_of_processes(
    cell: Cell, alone: dict[str, Any], attempt: Start, results: Results, tmp_path: Path
) -> None:
    run = RunTable(processes_per_cell=2, checkpoint_steps=3, save_model=True)
    killed = attempt(cell, tmp_path / "store", run)
    assert killed.outcome(until_step=8) is None
    killed.end()
    assert list((tmp_path / "store" / "cells" / cell.cell_id).glob("checkpoint-*/state.json"))
    attempt(cell, tmp_path / "store", run.model_copy(update={"processes_per_cell": 1})).finish()
    check_same(results(tmp_path / "store", cell), alone)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("rows", [0, 1, 4, 16])
def test_the_shares_of_a_step_are_the_step(size: int, rows: int) -> None:
    step = np.arange(100, 100 + rows)
    shares = [World(rank, size).share(step) for rank in range(size)]
    assert sorted(np.concatenate(shares)) == step.tolist()
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
