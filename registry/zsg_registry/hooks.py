"""Hooks: what the harness tells plugins while it works (pluggy, entry-point group `zsg_harness.hooks`).

A hook plugin is a class whose methods are marked with `@hookimpl`. It is made with the settings of its own table
`[hooks.<name>]` of the matrix file, lives in the parent process in a thread of its own, and is called from a queue, in
order, at least once for each event: what a run that was killed had yet to tell, the next one tells. A hook that raises
is reported and passed over, and one that is slow is not waited for: neither can fail or stall a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pluggy

PROJECT: Final = "zsg_harness"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """The base of every event.

    Attributes:
        event_id: What happened, and not when it was told: the same when an event is delivered again, by this run or the
            next, so that a hook can pass over what it has handled.
        version: Raised when fields change their meaning; new fields may be added without.
    """

    event_id: str
    version: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCreated(Event):
    """The matrix was planned. `cells` counts the cells by state: to run, done, skipped."""

    matrix: str
    cells: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellEvent(Event):
    """Something about one cell. `labels` are its arrangement, dataset, embedder, model and budget."""

    cell_id: str
    labels: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellStarted(CellEvent):
    """A cell began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvaluated(CellEvent):
    """The model was scored after `step` optimizer steps. `scores` are means over tasks, by output name."""

    step: int
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFinished(CellEvent):
    """A cell was committed to the store. `scores` are those of its last step."""

    seconds: float
    scores: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class CellFailed(CellEvent):
    """A cell failed, for a reason of one line."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CellSkipped(CellEvent):
    """A cell cannot run here, for a reason of one line."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixFinished(Event):
    """The run is over. `cells` counts all cells by how they stand now."""

    matrix: str
    cells: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaderboardWritten(Event):
    """The reports were written to `folder`: a path, or a URL."""

    folder: str


class Hooks:
    """The hooks a plugin may implement."""

    @hookspec
    def zsg_plan_created(self, event: PlanCreated) -> None:
        """The matrix was planned; nothing has run yet."""

    @hookspec
    def zsg_cell_started(self, event: CellStarted) -> None:
        """A cell began."""

    @hookspec
    def zsg_step_evaluated(self, event: StepEvaluated) -> None:
        """A model was scored."""

    @hookspec
    def zsg_cell_finished(self, event: CellFinished) -> None:
        """A cell was committed."""

    @hookspec
    def zsg_cell_failed(self, event: CellFailed) -> None:
        """A cell failed."""

    @hookspec
    def zsg_cell_skipped(self, event: CellSkipped) -> None:
        """A cell was passed over."""

    @hookspec
    def zsg_matrix_finished(self, event: MatrixFinished) -> None:
        """The run is over."""

    @hookspec
    def zsg_leaderboard_written(self, event: LeaderboardWritten) -> None:
        """The reports are there."""

    @hookspec
    def zsg_leaderboard_columns(self, results: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[Any]]:  # type: ignore[empty-body]
        """Columns to add to the leaderboard: by name, one value for each of its rows.

        Args:
            results: The rows of the leaderboard, as in `leaderboard.json`.

        Returns:
            Text, or finite numbers; None where there is no value. A column that is anything else is left out.
        """
