"""The reference of the store's format: its layout as ARCHITECTURE.md draws it, and the schemas of its tables."""

from __future__ import annotations

import re
from pathlib import Path

import pyarrow as pa
from pieces import documented, page, table

from zsg_harness.contamination import findings
from zsg_harness.explain import similarity
from zsg_harness.store import tables
from zsg_harness.store.formats import SCHEMA_VERSION
from zsg_registry import order_file

ARCHITECTURE = Path(__file__).parents[2] / "ARCHITECTURE.md"
INTRODUCTION = f"""
A store is a folder, or a URL that fsspec knows. It is made of JSON and Parquet files that any program reads; JSON files
carry `schema_version` ({SCHEMA_VERSION}). Every file appears whole or not at all. A cell exists when its `done.json`
does, and the first commit wins. `zsg-harness store verify` checks all that can be checked.
"""
ORDER = """
## order.parquet

{document}
"""


def pages() -> dict[str, str]:
    """One page."""
    parts = [_table(module, name) for module, name in _schemas()]
    order = (order_file.__doc__ or "").partition("\n\n")[2]
    text = page("The store", INTRODUCTION, "## Layout", _layout(), ORDER.format(document=order.strip()), *parts)
    return {"reference/store.md": text}


def _schemas() -> list[tuple[object, str]]:
    return [(tables, "TRAIN"), (tables, "SCORES"), (tables, "EXAMPLES"), (tables, "METRICS"), (findings, "TABLE"),
            (similarity, "SIMILARITY")]  # fmt: skip


def _layout() -> str:
    """The drawing in the section `Store` of ARCHITECTURE.md."""
    section = ARCHITECTURE.read_text("utf-8").partition("\n## Store\n")[2].partition("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ") or not line]
    drawing = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")
    return f"```text\n{drawing}\n```"


def _table(module: object, name: str) -> str:
    schema: pa.Schema = getattr(module, name)
    about = documented(module).get(name, "")  # type: ignore[arg-type]
    match = re.match(r"`?([\w.]+\.parquet)`?: (.*)", about)
    heading, about = match.groups() if match else (name.lower(), about)
    rows = [(f"`{field.name}`", f"`{field.type}`") for field in schema]
    return f"## {heading}\n\n{about[:1].upper()}{about[1:]}\n\n{table(('column', 'type'), rows)}"
