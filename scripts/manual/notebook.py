"""The notebook as a page of the manual, with the outputs that are stored in it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pieces import GENERATED

NOTEBOOK = Path(__file__).parents[2] / "docs" / "notebooks" / "look-at-an-order.ipynb"
LINK = f"\n[Download this notebook]({NOTEBOOK.name})\n"


def pages() -> dict[str, str]:
    """One page."""
    cells: list[dict[str, Any]] = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    title, *rest = (part for cell in cells for part in _parts(cell))
    name = f"notebooks/{NOTEBOOK.stem}.md"
    return {name: GENERATED + "\n\n".join([title, LINK.strip(), *rest]) + "\n"}


def _parts(cell: dict[str, Any]) -> Iterator[str]:
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        yield source
        return
    yield f"```python\n{source}\n```"
    for output in cell["outputs"]:
        text = output["text"] if output["output_type"] == "stream" else output["data"]["text/plain"]
        yield f"```text\n{''.join(text).rstrip()}\n```"
