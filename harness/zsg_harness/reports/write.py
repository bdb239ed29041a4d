"""Writing every format of a leaderboard."""

from __future__ import annotations

import io
import json
import re
from typing import Any, Final

import pandas as pd

from zsg_harness.reports.board import Leaderboard
from zsg_harness.reports.document import document
from zsg_harness.reports.latex import latex
from zsg_harness.reports.markdown import markdown
from zsg_harness.reports.page import page
from zsg_harness.reports.tidy import every_step, final_step
from zsg_harness.store.files import Files

_FORMULA: Final = re.compile(r"[=+\-@\t\r＝＋－＠]")
"""How a text begins that a spreadsheet takes for a formula."""

_NUMBERS: Final = re.compile(r"[-+]?\d[\d., ]*")


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
    texts = frame.select_dtypes(["object", "string", "category"])
    inert = frame.assign(**{str(name): _inert_column(column) for name, column in texts.items()})
    return inert.rename(columns=_inert).to_csv(index=False, lineterminator="\n").encode()


def _inert_column(column: pd.Series[Any]) -> pd.Series[Any]:
    changed = {text: _inert(text) for text in column.unique() if isinstance(text, str) and _inert(text) != text}
    return column.astype(object).replace(changed) if changed else column


def _inert(text: str) -> str:
    """A text that no spreadsheet computes: tasks and plugins have names from anywhere."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBERS.fullmatch(text) else text


def _json(value: Any) -> bytes:
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False, compression="zstd")
    return buffer.getvalue()
