"""What is to be done about each cell, and why: a plan beside what its store has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from zsg_harness.plan.cell import Cell
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

    def of(self, cell: Cell) -> dict[str, Any]:
        """Cause and reason to run a cell."""
        held = holder(self._store.files, cell.cell_id) if cell.cell_id in self._leased else None
        if held is not None:
            return {"cause": "elsewhere", "reason": f"being run by another run ({held})"}
        if cell.cell_id in self._begun:
            return self._begun_before(cell.cell_id)
        like = self._newest_like(cell)
        changed = [] if like is None else changes(like, cell.spec)
        return {"cause": "changed", "reason": in_words(changed)} if changed else {"cause": "new", "reason": "new"}

    def _begun_before(self, cell_id: str) -> dict[str, Any]:
        status = self._store.last_status(cell_id) or {}
        step = self._store.checkpoint_step(cell_id)
        goes_on = "" if step is None else f"; goes on at step {step}"
        told = {"failed": ("failed", "failed before"), "skipped": ("unfit", "could not run before")}
        cause, words = told.get(str(status.get("state")), ("cut short", "cut short before"))
        reason = words if cause == "cut short" else f"{words}: {status.get('reason')}"
        return {"cause": cause, "reason": f"{reason}{goes_on}", "resumes_at": step}

    def _newest_like(self, cell: Cell) -> dict[str, Any] | None:
        """The spec of the newest cell of the store that has the same labels and seeds."""
        begun = [each for each in self._history.named_like(cell) if each in self._begun]
        if len(begun) > 1:
            begun.sort(key=self._last_attempt, reverse=True)
        for cell_id in begun:
            try:
                spec: dict[str, Any] = self._store.read_cell(cell_id)["spec"]
            except (ZsgError, KeyError):
                continue  # a damaged cell is `store verify`'s to tell of
            return spec
        return None

    def _last_attempt(self, cell_id: str) -> str:
        """When a cell was last tried: an attempt's name begins with its time."""
        return max((attempt.name for attempt in self._store.attempts(cell_id)), default="")
