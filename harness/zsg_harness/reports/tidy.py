"""Plain tables of scores: one line for each cell × step × task × metric, whatever the tool that reads them."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
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
    scores = board.results.scores
    cells = _cells(board).set_index("cell").reindex(scores["cell"].cat.categories)
    codes = scores["cell"].cat.codes.to_numpy()
    told = {str(name): _spread_out(column, codes) for name, column in cells.items()}
    return scores.assign(**told)[list(STEP_COLUMNS)]


def final_step(steps: pd.DataFrame) -> pd.DataFrame:
    """The scores of each cell at its last step."""
    last = steps.groupby("cell", observed=True)["step"].max().reindex(steps["cell"].cat.categories)
    is_last = steps["step"].to_numpy() == last.to_numpy()[steps["cell"].cat.codes]
    final: pd.DataFrame = steps.loc[is_last, list(FINAL_COLUMNS)]
    return final


def _spread_out(column: pd.Series[Any], codes: npt.NDArray[np.integer[Any]]) -> Any:
    """What a column says of each cell, for each of its scores: text by number, for there are millions of them."""
    if not isinstance(column.dtype, pd.CategoricalDtype):
        return column.to_numpy()[codes]
    return pd.Categorical.from_codes(column.cat.codes.to_numpy()[codes], dtype=column.dtype)


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
