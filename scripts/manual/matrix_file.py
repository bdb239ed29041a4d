"""The reference of the matrix file, from its pydantic schema."""

from __future__ import annotations

from typing import Any

from pieces import fields, in_line, page
from pydantic import BaseModel

from zsg_harness.matrix import schema

TABLES: tuple[type[BaseModel], ...] = (
    schema.MatrixTable,
    schema.ModelEntry,
    schema.SeedTable,
    schema.DataTable,
    schema.TrainingTable,
    schema.LoraTable,
    schema.EvaluationTable,
    schema.RunTable,
    schema.Override,
    schema.Couple,
    schema.Expectation,
)
HEADINGS = {
    schema.ModelEntry: "An entry of `models`",
    schema.SeedTable: "An entry of `seeds`",
    schema.LoraTable: "`lora`",
}
INTRODUCTION = """
A matrix is a TOML file, or a bundled one by name (`zsg-harness matrix list`). Every combination of its axes is a
*cell*. Unknown names are errors, with the nearest right one; so are values of another type. Every setting has a
default: an empty file is a matrix. `zsg-harness matrix init` writes one to begin with, `zsg-harness matrix validate`
checks one, `zsg-harness plan` shows its cells.

Paths are relative to the file. A component is written `name`, `name[param=value,…]`, or as a table
`{use = "name", param = value, grid = {param = [values]}, then = ["transform"], label = "name in reports"}`; behind a
pipe stand transforms (`"tma | reverse"`), behind that of an embedder vector transforms (`"minilm | whiten"`). `"*"` is
every registered component that can be made without parameters and is available.

Nothing in `[run]` and `[hooks.*]` changes a cell's identity: it says how, never what.
"""
HOOKS = """
## `[hooks.<name>]`

The settings of the [hook plugin](../how-to/publish-a-plugin.md) of that name: its own `Params`.
"""


def pages() -> dict[str, str]:
    """One page, a section for each table."""
    return {"reference/matrix-file.md": page("The matrix file", INTRODUCTION, *map(_section, TABLES), HOOKS)}


def _section(model: type[BaseModel]) -> str:
    document: dict[str, Any] = model.model_json_schema()
    name, _, about = in_line(model.__doc__ or "").partition(":")
    about = (about or name).strip()
    level = "###" if model in HEADINGS else "##"
    return f"{level} {HEADINGS.get(model, name)}\n\n{about[:1].upper()}{about[1:]}\n\n{fields(document)}"
