"""Writing every format of a leaderboard."""

from __future__ import annotations

import io
import json
from typing import Any

import pandas as pd

from zsg_harness.reports.board import Leaderboard
from zsg_harness.reports.document import document
from zsg_harness.reports.latex import latex
from zsg_harness.reports.markdown import markdown
from zsg_harness.reports.page import page
from zsg_harness.reports.tidy import every_step, final_step
from zsg_harness.store.files import Files


def write(board: Leaderboard, out: Files) -> dict[str, bytes]:
    """Write all reports to a place.

    Everything is rendered before the first file is touched, so that a fault leaves the former reports whole.

    Returns:
        The reports by their names.
    """
    files = render(board)
    for name, data in files.items():
        out.write(name, data)
    return files


def render(board: Leaderboard) -> dict[str, bytes]:
    """All reports, by the names of their files."""
    steps = every_step(board)
    return {
        "leaderboard.csv": _csv(board.rows),
        "scores.csv": _csv(final_step(steps)),
        "scores.parquet": _parquet(steps),
        "leaderboard.md": markdown(board).encode(),
        "leaderboard.tex": latex(board).encode(),
        "leaderboard.json": _json(document(board)),
        "index.html": page(board).encode(),
    }


def _csv(frame: pd.DataFrame) -> bytes:
    return frame.to_csv(index=False, lineterminator="\n").encode()


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
