"""A cell that is killed goes on from its checkpoint, and ends as if nothing had happened."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell

TABLES = ("order", "receipt", "train", "scores", "examples", "probe", "metrics")


@pytest.mark.parametrize(
    ("arrangement", "training", "kills"),
    [
        ("tma", {}, 10),
        ("skill-it[segment_steps=3]", {}, 3),
        ("random", {"lora": {"rank": 2, "dropout": 0.1}, "schedule": "cosine", "epochs": 2}, 3),
    ],
    ids=["whole order", "online", "adapter with dropout"],
)
def test_kills_change_nothing(
    arrangement: str,
    training: dict[str, Any],
    kills: int,
    plan_cells: Callable[..., list[Cell]],
    attempt: Callable[[Cell, Path, RunTable], Any],
    results: Callable[[Path, Cell], dict[str, Any]],
    tmp_path: Path,
) -> None:
    (cell,) = plan_cells(
        matrix={"arrangements": [arrangement], "metrics": ["loss", "exact-match"], "budgets": [56]},
        data={"probe_per_task": 1},
        training={"batch_size": 2, **training},
        evaluation={"every": 5, "max_new_tokens": 4, "generate_at": ["all"]},
    )
    run = RunTable(checkpoint_steps=1, save_model=True)
    attempt(cell, tmp_path / "undisturbed", run).finish()

    moments = random.Random(20261121)
    folder = tmp_path / "killed" / "cells" / cell.cell_id
    reached = [0]
    for _ in range(kills):
        killed = attempt(cell, tmp_path / "killed", run)
        killed.outcome(until_step=reached[-1] + 2)
        time.sleep(moments.uniform(0, 0.05))  # about as long as a step and its checkpoint take
        killed.end()
        whole = folder.glob("checkpoint-*/state.json")
        reached.append(max(int(path.parent.name.removeprefix("checkpoint-")) for path in whole))
    assert len(set(reached)) == kills + 1
    attempt(cell, tmp_path / "killed", run).finish()
    ours, theirs = results(tmp_path / "killed", cell), results(tmp_path / "undisturbed", cell)
    for name in TABLES:
        pd.testing.assert_frame_equal(ours[name], theirs[name], check_exact=True)
    assert ours["tokens"] == theirs["tokens"]
    assert ours["weights"] == theirs["weights"]
    assert list(folder.glob("*checkpoint*")) == []
