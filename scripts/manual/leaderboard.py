"""The reference of `leaderboard.json`, from its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pieces import fields, page

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "leaderboard.schema.json"
INTRODUCTION = """
What `zsg-harness leaderboard --out DIR` writes:

| file | |
| --- | --- |
| `index.html` | the page: one file, works offline |
| `leaderboard.csv` | a row for each arrangement × data set × embedder × model × budget |
| `leaderboard.json` | the same and more for programs, by a [schema](../schemas/leaderboard.schema.json) |
| `leaderboard.md`, `leaderboard.tex` | tables for a README and for a paper |
| `scores.csv` | tidy: a row for each cell × task × metric, at the last step |
| `scores.parquet` | the same at every evaluated step |

Below is `leaderboard.json`. The columns of `leaderboard.csv` are the fields of its rows. Rows may have more columns
than are named here: those of metrics, and those that plugins add.
"""


def pages() -> dict[str, str]:
    """One page."""
    document: dict[str, Any] = json.loads(SCHEMA.read_text("utf-8"))
    definitions = document["$defs"]
    whole = f"## The document\n\n{fields(document)}"
    parts = [
        f"## {name}\n\n{one.get('description', '')}\n\n{fields(one | {'$defs': definitions})}"
        for name, one in definitions.items()
        if "properties" in one
    ]
    return {"reference/leaderboard.md": page("The leaderboard's files", INTRODUCTION, whole, *parts)}
