"""The cells that are still to be run, handed out one at a time, and none that another run has."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.listener import Listener
from zsg_harness.plan.cell import Cell

if TYPE_CHECKING:
    from zsg_harness.store.leases import Leases
    from zsg_harness.store.store import Store


_PAUSE: Final = 0.5
"""Seconds between looks at what other runs do."""

_LOOKS: Final = 8
"""Cells that are looked at each time."""


class _End(NamedTuple):
    """How an attempt ended without a result."""

    attempt: str
    state: Literal["failed", "skipped"]
    reason: str


class Work:
    """What is left of a run. A cell that fails may be tried again; one that another run holds is waited for.

    A listener is told which cells are begun, tried again, and left to others.

    Attributes:
        stopping: Whether no more cells are handed out.
    """

    def __init__(
        self,
        cells: Sequence[Cell],
        store: Store,
        leases: Leases,
        retries: int = 0,
        listener: Listener | None = None,
    ) -> None:
        self.stopping = False
        self._store = store
        self._leases = leases
        self._listener = listener or Listener()
        self._waiting = deque(cells)
        self._elsewhere: dict[str, tuple[Cell, _End | None]] = {}
        self._given: dict[str, Cell] = {}
        self._looked = 0.0
        self._retries = {cell.cell_id: retries for cell in cells}

    @property
    def size(self) -> int:
        """How many cells are left."""
        return len(self._waiting) + len(self._elsewhere) + len(self._given)

    @property
    def over(self) -> bool:
        """Whether nothing is left, here or in another run."""
        return not self._given and (self.stopping or not (self._waiting or self._elsewhere))

    @property
    def given(self) -> Iterable[Cell]:
        """The cells that are being run here."""
        return self._given.values()

    def next(self) -> Cell | None:
        """A cell to run now, if there is one."""
        while self._waiting and not self.stopping:
            cell = self._waiting.popleft()
            if self._leases.take(cell.cell_id):
                if not self._store.is_done(cell.cell_id):
                    self._given[cell.cell_id] = cell
                    self._listener.progressed(Progress(cell.cell_id, "starting"))
                    return cell
                self._leases.release(cell.cell_id)
            self._elsewhere[cell.cell_id] = cell, self._last_end(cell.cell_id)
            self._listener.elsewhere(len(self._elsewhere))
        return None

    def ended(self, outcome: Outcome) -> bool:
        """Take note of how a cell ended here; returns whether that is its end, and it is not tried again."""
        cell = self._given.pop(outcome.cell_id)
        self._leases.release(outcome.cell_id)
        if outcome.state == "failed" and self._retries[outcome.cell_id] > 0 and not self.stopping:
            self._retries[outcome.cell_id] -= 1
            self._waiting.appendleft(cell)
            self._listener.retried(outcome)
            return False
        return True

    def look_elsewhere(self) -> list[Outcome]:
        """What other runs have ended, once nothing is left but what they have; what they gave up is to be run here.

        Looks at some cells only, and not at every call: a store may be far away.
        """
        found: list[Outcome] = []
        if self._waiting or self.stopping or time.monotonic() - self._looked < _PAUSE:
            return found
        self._looked = time.monotonic()
        for cell_id in list(self._elsewhere)[:_LOOKS]:
            cell, before = self._elsewhere.pop(cell_id)
            if self._store.is_done(cell_id):
                found.append(Outcome(cell_id, "done", "by another run", 0.0, {}))
            elif not self._leases.take(cell_id):
                self._elsewhere[cell_id] = cell, before  # behind the others
            else:
                self._leases.release(cell_id)
                end = self._last_end(cell_id)
                if end is None or end == before:
                    self._waiting.append(cell)
                else:
                    found.append(Outcome(cell_id, end.state, f"in another run: {end.reason}", 0.0, {}))
            self._listener.elsewhere(len(self._elsewhere))
        return found

    def _last_end(self, cell_id: str) -> _End | None:
        """How the newest attempt at a cell ended, if it did and did not finish."""
        attempts = self._store.attempts(cell_id)
        status = attempts[-1].read_json("status") if attempts and "status.json" in attempts[-1].names() else {}
        if status.get("state") not in ("failed", "skipped"):
            return None
        return _End(attempts[-1].name, status["state"], str(status.get("reason")))
