"""The cells of a store, as they were planned."""

from __future__ import annotations

import json
from typing import Any

from zsg_harness.plan.cell import Cell
from zsg_harness.store.store import Store
from zsg_registry import ZsgError, did_you_mean


def open_store(place: str) -> Store:
    """A store that is there.

    Raises:
        ZsgError: There is none at this place.
    """
    store = Store(place)
    if not store.exists:
        raise ZsgError(f"{store.url}: not a store (neither 'cells' nor 'matrices' in it)")
    return store


def stored_cells(store: Store, *, trust_remote_code: bool = False) -> list[Cell]:
    """Every cell that was ever begun, with the seeds that the frozen plans say it stands for.

    Args:
        store: The store.
        trust_remote_code: Whether a cell may say that the code of its model's author is run. A store may be somebody
            else's: whoever reads it decides.

    Raises:
        ZsgError: A file is damaged.
    """
    seeds = _seeds(store)
    return [_cell(store, cell_id, seeds.get(cell_id, []), trust_remote_code) for cell_id in store.cell_ids()]


def stored_cell(store: Store, cell_id: str, *, trust_remote_code: bool = False) -> Cell:
    """One cell of the store; see `stored_cells`.

    Raises:
        ZsgError: Its file is missing or damaged.
    """
    return _cell(store, cell_id, _seeds(store).get(cell_id, []), trust_remote_code)


def find_cell(store: Store, prefix: str) -> str:
    """The id of the cell whose id begins so.

    Raises:
        ZsgError: There is none, or there are several.
    """
    known = store.cell_ids()
    found = [cell_id for cell_id in known if cell_id.startswith(prefix)]
    if len(found) > 1 and prefix not in found:
        some = ", ".join(found[:3]) + (", …" if len(found) > 3 else "")
        raise ZsgError(f"{prefix!r} begins the ids of {len(found)} cells: {some}")
    if not found:
        raise ZsgError(f"no cell {prefix!r} in {store.url}{did_you_mean(prefix, known)}")
    return prefix if prefix in found else found[0]


def _cell(store: Store, cell_id: str, seeds: list[str], trusted: bool) -> Cell:
    document = store.read_cell(cell_id)
    try:
        cell = Cell.model_validate_json(json.dumps({**document, "user_seeds": seeds}))
    except ValueError as error:
        reason = str(error).partition("\n")[0]
        raise ZsgError(f"{store.url}/cells/{cell_id}/cell.json is damaged: {reason}") from None
    trust = cell.model.trust_remote_code and trusted
    return cell.model_copy(update={"model": cell.model.model_copy(update={"trust_remote_code": trust})})


def _seeds(store: Store) -> dict[str, list[str]]:
    """The user's seeds by cell. Two matrices may give one cell different ones: it stands for all of them."""
    found: dict[str, dict[str, None]] = {}
    for plan in store.matrices().values():
        cells: list[dict[str, Any]] = plan.get("cells", [])
        for cell in cells:
            found.setdefault(cell["cell_id"], {}).update(dict.fromkeys(map(str, cell["seeds"])))
    return {cell_id: list(seeds) for cell_id, seeds in found.items()}
