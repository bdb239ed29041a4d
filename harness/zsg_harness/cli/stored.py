"""The cells of a store, as they were planned."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store, iterate_cells, read_json
from zsg_registry import ZsgError, did_you_mean


def open_store(folder: Path) -> Store:
    """A store that is there.

    Raises:
        ZsgError: There is none in this folder.
    """
    if not (folder / "cells").is_dir() and not (folder / "matrices").is_dir():
        raise ZsgError(f"{folder}: not a store (neither 'cells' nor 'matrices' in it)")
    return Store(folder)


def stored_cells(store: Store) -> list[Cell]:
    """Every cell that was ever begun, with the seeds that the frozen plans say it stands for.

    Raises:
        ZsgError: A file is damaged.
    """
    seeds = _seeds(store)
    return [_cell(folder, seeds.get(folder.name, [])) for folder in iterate_cells(store.root)]


def stored_cell(store: Store, cell_id: str) -> Cell:
    """One cell of the store.

    Raises:
        ZsgError: Its file is missing or damaged.
    """
    return _cell(store.cell(cell_id), _seeds(store).get(cell_id, []))


def find_cell(store: Store, prefix: str) -> str:
    """The id of the cell whose id begins so.

    Raises:
        ZsgError: There is none, or there are several.
    """
    known = sorted(path.parent.name for path in (store.root / "cells").glob("*/cell.json"))
    found = [cell_id for cell_id in known if cell_id.startswith(prefix)]
    if len(found) > 1 and prefix not in found:
        some = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise ZsgError(f"{prefix!r} begins the ids of {len(found)} cells: {some}")
    if not found:
        raise ZsgError(f"no cell {prefix!r} in {store.root}{did_you_mean(prefix, known)}")
    return prefix if prefix in found else found[0]


def _cell(folder: Path, seeds: list[str]) -> Cell:
    path = folder / "cell.json"
    try:
        return Cell.model_validate_json(json.dumps({**read_json(path), "user_seeds": seeds}))
    except ValueError as error:
        raise ZsgError(f"{path} is damaged: {str(error).partition(chr(10))[0]}") from None


def _seeds(store: Store) -> dict[str, list[str]]:
    """The user's seeds by cell. Two matrices may give one cell different ones: it stands for all of them."""
    found: dict[str, dict[str, None]] = {}
    for path in sorted((store.root / "matrices").glob("*.json")):
        cells: list[dict[str, Any]] = read_json(path).get("cells", [])
        for cell in cells:
            found.setdefault(cell["cell_id"], {}).update(dict.fromkeys(map(str, cell["seeds"])))
    return {cell_id: list(seeds) for cell_id, seeds in found.items()}
