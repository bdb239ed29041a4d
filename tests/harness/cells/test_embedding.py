"""What a cell tells of its embedding, while it works and afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zsg_harness.cells.progress import Progress
from zsg_harness.cells.run import run_cell
from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store


def test_a_cell_tells_what_it_embeds(
    plan_cells: Callable[..., list[Cell]], environment_of: Callable[[Path], Any], tmp_path: Path
) -> None:
    (cell,) = plan_cells(matrix={"arrangements": ["tma"]})
    store = Store(tmp_path)
    seen: list[Progress] = []

    outcome = run_cell(cell, store, environment_of(tmp_path), seen.append)

    assert outcome.state == "finished", outcome.reason
    attempt = store.committed(cell.cell_id)
    assert attempt is not None
    folder = attempt.folder
    status = json.loads((folder / "status.json").read_text())
    # tfidf cuts no text, and does not say so.
    assert status["embedded"] == [
        {"role": role, "view": "both", "texts": status["roles"][role], "truncated": None} for role in ("pool", "query")
    ]
    stages = [progress.stage for progress in seen]
    pool, query = (f"embedding 0 of {status['roles'][role]}" for role in ("pool", "query"))
    assert stages[:6] == ["loading", "arranging", pool, "arranging", query, "arranging"]
