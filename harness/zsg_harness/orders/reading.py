"""Reading an order back, in whatever form it is: an order file, the data in its order, or a cell of a store."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, NamedTuple

from zsg_harness.store.formats import json_object
from zsg_harness.store.store import Store
from zsg_registry import OrderFile, ZsgError, did_you_mean, order_hash

_COLUMNS: Final = ("stage", "stage_name", "score", "step")


class ReadOrder(NamedTuple):
    """An order with its name.

    Attributes:
        name: What it was called on the command line.
        file: The order.
        tasks: The task of each example that is known to have one.
    """

    name: str
    file: OrderFile
    tasks: Mapping[str, str]


def read_order(path: Path) -> ReadOrder:
    """Read `arrange`'s output: `.parquet` or `.jsonl`.

    Raises:
        ZsgError: The file is missing, damaged, or something else than an order.
    """
    if path.suffix != ".jsonl":
        return ReadOrder(str(path), OrderFile.read(path), {})
    rows = list(_lines(path))
    file = OrderFile.from_arrow(_table(rows, path), str(path))
    file = replace(file, document=_document_beside(path, file))
    return ReadOrder(str(path), file, {row["id"]: row["task"] for row in rows if isinstance(row.get("task"), str)})


def read_cell(store: Store, cell_id: str) -> ReadOrder:
    """Read the order of a finished cell.

    Raises:
        ZsgError: The cell is not finished, or its file is damaged.
    """
    attempt = store.committed(cell_id)
    if attempt is None:
        raise ZsgError(f"the cell {cell_id} is not finished: it has no order yet")
    return ReadOrder(cell_id, OrderFile.from_arrow(attempt.read_table("order"), f"{attempt.url}/order.parquet"), {})


def _document_beside(path: Path, file: OrderFile) -> dict[str, Any]:
    """What `arrange` wrote beside the data; nothing if the data has changed since then."""
    beside = path.with_suffix(".order.json")
    if not beside.is_file() or file.order.steps is None:
        return {}
    document = json_object(beside.read_bytes(), str(beside))
    return document if document.get("order_hash") == order_hash(file.ids, file.order.steps.tolist()) else {}


def _lines(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        beside = (file.name for file in path.parent.glob("*.jsonl")) if path.parent.is_dir() else ()
        raise ZsgError(f"no such file: {path}{did_you_mean(path.name, beside)}")
    rows: list[dict[str, Any]] = []
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                row = json.loads(line)
                if not isinstance(row, dict) or not isinstance(row.get("id"), str):
                    raise ZsgError(f"{path}, line {number}: not an object with an id")
                rows.append(row)
    except OSError as error:
        raise ZsgError(f"{path} cannot be read: {error.strerror or error}") from None
    except ValueError as error:
        raise ZsgError(f"{path}, line {len(rows) + 1}: not JSON: {error}") from None
    return rows


def _table(rows: list[dict[str, Any]], path: Path) -> Any:
    import pyarrow as pa

    columns: dict[str, Any] = {"position": range(len(rows)), "example_id": [row["id"] for row in rows]}
    try:
        return pa.table(columns | {name: pa.array([row.get(name) for row in rows]) for name in _COLUMNS})
    except pa.ArrowException as error:
        raise ZsgError(f"{path} is not an order: {' '.join(str(error).split())}") from None
