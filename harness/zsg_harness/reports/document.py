"""The leaderboard as one JSON document, in full precision."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import pandas as pd

from zsg_harness.reports.board import Leaderboard, Section

SCHEMA_VERSION: Final = 1


def document(board: Leaderboard) -> dict[str, Any]:
    """What `leaderboard.json` holds: the rows, the sections' notes, and all it takes to run it again.

    A figure that cannot be computed is null.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "title": board.title,
        "state": board.state,
        "rows": [_plain_values(line) for line in board.rows.to_dict("records")],
        "sections": [_section(section) for section in board.sections],
        "open": [
            {
                "cell_id": cell.cell_id,
                **cell.labels.model_dump(),
                "seeds": list(cell.seeds),
                "state": cell.state,
                "reason": cell.reason,
            }
            for cell in board.results.open
        ],
        "directions": dict(board.results.directions),
        "provenance": {name: list(values) for name, values in board.environment.items()},
        "matrices": [
            {"plan": stem, "name": plan.name, "matrix": plan.matrix} for stem, plan in board.results.plans.items()
        ],
    }


def _section(section: Section) -> dict[str, Any]:
    return {
        **section.key._asdict(),
        "held_out": section.held_out,
        "headline": section.headline,
        "notes": list(section.notes),
        "null_band_aulc": _plain_values(section.null_band._asdict()),
    }


def _plain_values(line: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(name): _plain(value) for name, value in line.items()}


def _plain(value: Any) -> Any:
    """A value of a frame as JSON has it; NaN and the like are null."""
    if pd.isna(value) or (isinstance(value, float) and not math.isfinite(value)):
        return None
    return value.item() if hasattr(value, "item") else value
