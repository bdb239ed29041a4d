"""What is to be done about each cell, and why: a plan beside what its store has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zsg_harness.plan.cell import Cell, Labels
from zsg_harness.plan.changes import changes, in_words
from zsg_harness.plan.history import History
from zsg_harness.store.leases import holder
from zsg_harness.store.store import Store
from zsg_registry import ZsgError


def compare_with_store(cells: Sequence[Cell], store: Store) -> list[Cell]:
    """The cells with what is to be done about each, and why. Reads, and changes nothing."""
    done = store.done_cells()
    comparison = _Comparison(store)
    return [
        cell.model_copy(update={"state": "done", "reason": "in the store"})
        if cell.cell_id in done
        else cell
        if cell.state == "skipped"
        else cell.model_copy(update=comparison.of(cell))
        for cell in cells
    ]


class _Comparison:
    """What a store says of cells that it does not have."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._begun = set(store.cell_ids())
        self._leased = set(store.files.folders("leases"))
        self._history = History(store)
        self._changes: dict[tuple[Labels, str], list[str]] = {}

    def of(self, cell: Cell) -> dict[str, Any]:
        """Cause and reason to run a cell."""
        held = holder(self._store.files, cell.cell_id) if cell.cell_id in self._leased else None
        if held is not None:
            return {"cause": "elsewhere", "reason": f"being run by another run ({held})"}
        if cell.cell_id in self._begun:
            return self._begun_before(cell.cell_id)
        changed = self._changed(cell)
        return {"cause": "changed", "reason": in_words(changed)} if changed else {"cause": "new", "reason": "new"}

    def _begun_before(self, cell_id: str) -> dict[str, Any]:
        status = self._store.last_status(cell_id) or {}
        step = self._store.checkpoint_step(cell_id)
        goes_on = "" if step is None else f"; goes on at step {step}"
        told = {"failed": ("failed", "failed before"), "skipped": ("unfit", "could not run before")}
        cause, words = told.get(str(status.get("state")), ("cut short", "cut short before"))
        reason = words if cause == "cut short" else f"{words}: {status.get('reason')}"
        return {"cause": cause, "reason": f"{reason}{goes_on}", "resumes_at": step}

    def _changed(self, cell: Cell) -> list[str]:
        """What differs from the newest cell of the store that has the same labels and seeds, if there is one."""
        like = [each for each in self._history.named_like(cell) if each.cell_id in self._begun]
        if len(like) > 1:
            like.sort(key=lambda each: self._last_attempt(each.cell_id), reverse=True)
        for plan, cell_id in like:
            key = cell.labels, plan  # the cells of two plans that have the same labels all differ in the same
            if key not in self._changes:
                try:
                    self._changes[key] = changes(self._store.read_cell(cell_id)["spec"], cell.spec)
                except (ZsgError, KeyError):
                    continue  # a damaged cell tells nothing
            return self._changes[key]
        return []

    def _last_attempt(self, cell_id: str) -> str:
        """When a cell was last tried: an attempt's name begins with its time."""
        return max((attempt.name for attempt in self._store.attempts(cell_id)), default="")
