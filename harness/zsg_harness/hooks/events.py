"""What a run tells its hooks, and under which names.

An event's id is made of what makes it that event and no other, never of when it was told or by whom: what is told
again, by a run that goes on where another was killed, has the id it had. A cell's id stands for its start, its scores
and its end, of which there is one each; a failure may come again and is named by its attempt; what is told of a whole
matrix is named by what it says.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.identity import identity
from zsg_registry import ZsgError, hooks

if TYPE_CHECKING:
    from zsg_harness.plan.cell import Cell
    from zsg_harness.reports import Leaderboard
    from zsg_harness.store.store import Store


class Story(NamedTuple):
    """An event, and the hook that it calls."""

    hook: str
    event: hooks.Event


def plan_created(matrix: str, digest: str, cells: Mapping[str, int]) -> Story:
    """The matrix was planned; `cells` counts its cells by state."""
    event_id = f"plan-{digest}-{identity(cells)}"
    return Story("zsg_plan_created", hooks.PlanCreated(event_id=event_id, matrix=matrix, cells=dict(cells)))


def matrix_finished(matrix: str, digest: str, cells: Mapping[str, int]) -> Story:
    """The run is over; `cells` counts all of the matrix's cells by how they stand now."""
    event_id = f"matrix-finished-{digest}-{identity(cells)}"
    return Story("zsg_matrix_finished", hooks.MatrixFinished(event_id=event_id, matrix=matrix, cells=dict(cells)))


def leaderboard_written(board: Leaderboard, folder: str) -> Story:
    """The reports are in a folder."""
    from zsg_harness.reports.document import document

    event_id = f"leaderboard-{identity([folder, document(board)])}"
    return Story("zsg_leaderboard_written", hooks.LeaderboardWritten(event_id=event_id, folder=folder))


def of_cell(event: Progress | Outcome, cell: Cell) -> Story | None:
    """What is told of a sign of life of a cell, or of its end; None if nothing is."""
    if isinstance(event, Outcome):
        return _ended(event, cell.labels.model_dump())
    if event.stage == "loading":
        of = _of(cell.cell_id, cell.labels.model_dump())
        return Story("zsg_cell_started", hooks.CellStarted(event_id=f"started-{cell.cell_id}", **of))
    if not event.scores:
        return None
    of = _of(cell.cell_id, cell.labels.model_dump())
    event_id = f"evaluated-{cell.cell_id}-{event.step}"
    scored = hooks.StepEvaluated(event_id=event_id, step=event.step, scores=event.scores, **of)
    return Story("zsg_step_evaluated", scored)


def end_in_store(started: hooks.CellStarted, store: Store) -> Story | None:
    """The end of a cell whose run was killed before it could tell of it; None if it has none."""
    try:
        attempt = store.committed(started.cell_id) or next(reversed(store.attempts(started.cell_id)), None)
        if attempt is None:
            return None
        status = attempt.read_json("status")
        scores = attempt.final_scores() if store.is_done(started.cell_id) else {}
    except ZsgError:
        return None  # it was begun and no more, or somebody damaged it
    ended = (status["state"], status.get("reason"), status.get("seconds") or 0.0, scores, attempt.name)
    return _ended(Outcome(started.cell_id, *ended), started.labels)


def _ended(outcome: Outcome, labels: Mapping[str, str | None]) -> Story | None:
    of, again = _of(outcome.cell_id, labels), f"{outcome.cell_id}-{outcome.attempt}"
    if outcome.state == "finished":
        event_id = f"finished-{outcome.cell_id}"
        finished = hooks.CellFinished(event_id=event_id, seconds=outcome.seconds, scores=outcome.scores, **of)
        return Story("zsg_cell_finished", finished)
    if outcome.state == "failed":
        failed = hooks.CellFailed(event_id=f"failed-{again}", reason=outcome.reason or "", **of)
        return Story("zsg_cell_failed", failed)
    if outcome.state == "skipped":
        skipped = hooks.CellSkipped(event_id=f"skipped-{again}", reason=outcome.reason or "", **of)
        return Story("zsg_cell_skipped", skipped)
    return None  # it was stopped and goes on another day, or another run tells of it


def _of(cell_id: str, labels: Mapping[str, str | None]) -> dict[str, Any]:
    return {"cell_id": cell_id, "labels": labels}
