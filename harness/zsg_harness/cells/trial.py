"""A try at a cell, and what is told of it in its `status.json`, from its beginning to its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Literal

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.preparation import Environment
from zsg_harness.cells.progress import Progress, Report
from zsg_harness.cells.provenance import provenance
from zsg_harness.cells.usage import Usage
from zsg_harness.plan.cell import Cell
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.store import Store


class Trial:
    """A try at a cell, which ends in one of several ways."""

    def __init__(self, cell: Cell, store: Store, environment: Environment) -> None:
        self._cell = cell
        self._store = store
        self._environment = environment
        self._attempt: Attempt | None = None
        self._clock = time.monotonic()
        self._usage = Usage(environment.device)
        self._told: dict[str, Any] = {"started": _now(), "reason": None}

    def begin(self) -> Attempt:
        """Make its folder.

        Raises:
            OSError: The store cannot be written.
        """
        self._told |= {"provenance": provenance(self._cell, self._environment)}
        self._attempt = self._store.new_attempt(self._cell.cell_id, self._cell.description)
        self._attempt.status("running", **self._told)
        return self._attempt

    def looking(self, report: Report) -> Report:
        """`report`, with a look at what is used meanwhile."""

        def reported(progress: Progress) -> None:
            self._usage.look()
            report(progress)

        return reported

    def commit(self, facts: Mapping[str, Any], scores: Mapping[str, float]) -> Outcome:
        """Make it the cell's result, if it is the first.

        Raises:
            OSError: The store cannot be written.
        """
        assert self._attempt is not None
        outcome = self._outcome("finished", None, scores)
        self._status(outcome, facts)
        self._attempt.commit()
        return outcome

    def ended(self, state: Literal["failed", "skipped", "stopped"], reason: str, log: str = "") -> Outcome:
        """Record that it has no result."""
        outcome = self._outcome(state, reason, {})
        with suppress(OSError):  # a store that cannot be written: who waits for the cell hears of it all the same
            self._status(outcome, {})
            if log and self._attempt is not None:
                self._attempt.write("log.txt", log.encode())
        return outcome

    def _outcome(
        self,
        state: Literal["finished", "failed", "skipped", "stopped"],
        reason: str | None,
        scores: Mapping[str, float],
    ) -> Outcome:
        name = "" if self._attempt is None else self._attempt.name
        return Outcome(self._cell.cell_id, state, reason, time.monotonic() - self._clock, scores, name)

    def _status(self, outcome: Outcome, facts: Mapping[str, Any]) -> None:
        if self._attempt is not None:
            own = {"reason": outcome.reason, "ended": _now(), "seconds": outcome.seconds}
            told = {**self._told, **facts, **own, "usage": self._usage.measured()}
            self._attempt.status(outcome.state, **told)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
