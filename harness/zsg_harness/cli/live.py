"""The live display: a bar for the matrix, and a line for each cell that is running."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from zsg_harness.cli.output import duration, printable
from zsg_harness.cli.progress import CellLines, describe_seeds

if TYPE_CHECKING:
    from zsg_harness.cells.outcome import Outcome
    from zsg_harness.cells.progress import Progress as CellProgress
    from zsg_harness.plan.cell import Cell

_NAME_WIDTH: Final = 34


class LiveDisplay(CellLines):
    """A listener for a terminal. Lines about cells that ended scroll above the bars."""

    def __init__(self, matrix: str, limit: int | None, console: Console) -> None:
        super().__init__(matrix, limit)
        self._console = console
        self._overall = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[cells]}"),
            TimeElapsedColumn(),
            _RemainingColumn(),
            console=console,
        )
        self._running = Progress(
            TextColumn("  {task.description}", markup=False),
            TextColumn("{task.fields[stage]}", style="dim"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[numbers]}", justify="right"),
            _RemainingColumn(),
            console=console,
        )
        self._live = Live(Group(self._overall, self._running), console=console, refresh_per_second=5, transient=True)
        self._matrix_task = self._overall.add_task(
            printable(matrix), total=None, cells="planning", since=time.monotonic()
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, line: str, style: str = "") -> None:
        """Write a line above the bars."""
        self._console.print(Text(printable(line), style), soft_wrap=True)

    def planned(self, cells: Sequence[Cell]) -> None:
        """Set the matrix's bar."""
        super().planned(cells)
        self._overall.update(self._matrix_task, total=max(self.total, 1), since=time.monotonic())
        self._update_matrix()

    def progressed(self, progress: CellProgress) -> None:
        """Move a cell's bar."""
        task = self._tasks[progress.cell_id] if progress.cell_id in self._tasks else self._add(progress.cell_id)
        numbers = "" if not progress.steps else f"{progress.step}/{progress.steps}"
        if progress.loss is not None:
            numbers += f"  loss {progress.loss:.3f}"
        if progress.tokens_per_second is not None:
            numbers += f"  {progress.tokens_per_second:,.0f} tok/s"
        fields: dict[str, Any] = {"stage": progress.stage} | (
            {"numbers": numbers} if progress.stage != "evaluating" else {}
        )
        self._running.update(task, completed=progress.step, total=progress.steps or None, **fields)
        self._update_matrix()

    def ended(self, outcome: Outcome) -> None:
        """Take the cell's bar away, and write its line."""
        self._remove(outcome.cell_id)
        super().ended(outcome)
        self._update_matrix()

    def _add(self, cell_id: str) -> TaskID:
        cell = self.cells[cell_id]
        name = printable(f"{cell.labels.arrangement} · {describe_seeds(cell)}")
        if len(name) > _NAME_WIDTH:
            name = f"{name[: _NAME_WIDTH - 1]}…"
        task = self._running.add_task(name, total=None, stage="", numbers="", since=time.monotonic())
        self._tasks[cell_id] = task
        return task

    def _remove(self, cell_id: str) -> None:
        if cell_id in self._tasks:
            self._running.remove_task(self._tasks.pop(cell_id))

    def _update_matrix(self) -> None:
        """Cells under way count by their share of steps, so that the remaining time is known early."""
        shares = [task.completed / task.total for task in self._running.tasks if task.total]
        self._overall.update(
            self._matrix_task, completed=self.ended_cells + sum(shares), cells=f"{self.ended_cells}/{self.total} cells"
        )


class _RemainingColumn(ProgressColumn):
    """The time left at the mean speed so far: cells come in bursts, which a window of the last seconds would miss."""

    max_refresh = 1.0

    def render(self, task: Task) -> Text:
        """See `rich.progress.ProgressColumn`."""
        share = task.completed / task.total if task.total else 0.0
        if not 0 < share < 1:
            return Text("")
        left = (time.monotonic() - float(task.fields["since"])) * (1 - share) / share
        return Text(f"{duration(left)} left", "cyan")
