"""Plain tables of scores: one line for each cell × step × task × metric, whatever the tool that reads them."""

from __future__ import annotations

from typing import Final

import pandas as pd

from zsg_harness.reports.board import Leaderboard

FINAL_COLUMNS: Final = (
    "cell", "arrangement", "dataset", "embedder", "model", "budget", "access",
    "seed", "replicate", "task", "metric", "scope", "value", "count",
)  # fmt: skip
STEP_COLUMNS: Final = (*FINAL_COLUMNS[:9], "block", "set_hash", "order_hash", "step", "tokens", *FINAL_COLUMNS[9:])


def every_step(board: Leaderboard) -> pd.DataFrame:
    """All scores of all finished cells.

    `seed` holds the user seeds that a cell covers; `replicate` numbers the distinct orders of a row, so that
    cells which came to one order share it.
    """
    cells = _cells(board)
    scores = board.results.scores.assign(cell=board.results.scores["cell"].astype("str"))
    return scores.merge(cells, on="cell", how="left", validate="many_to_one")[list(STEP_COLUMNS)]


def final_step(steps: pd.DataFrame) -> pd.DataFrame:
    """The scores of each cell at its last step."""
    last = steps.groupby("cell")["step"].transform("max")
    return steps.loc[steps["step"] == last, list(FINAL_COLUMNS)]


def _cells(board: Leaderboard) -> pd.DataFrame:
    """One line a finished cell: its labels, seeds and replicate."""
    names = ["cell", *FINAL_COLUMNS[1:9], "block", "set_hash", "order_hash"]
    return pd.DataFrame(
        [
            (
                cell.cell_id,
                *cell.labels.model_dump().values(),
                cell.record.access,
                ", ".join(cell.seeds),
                number,
                cell.record.block,
                cell.set_hash,
                cell.order_hash,
            )
            for section in board.sections
            for row in section.rows
            for number, replicate in enumerate(row.replicates)
            for cell in replicate.cells
        ],
        columns=names,
    ).astype(dict.fromkeys(set(names) - {"cell", "replicate"}, "category"))
