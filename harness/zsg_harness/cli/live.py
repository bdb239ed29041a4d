"""The live display: a bar for the matrix, and a line for each cell that is running."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Final

from rich.console import Console, ConsoleOptions, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from zsg_harness.cli.output import duration, printable
from zsg_harness.cli.progress import CellLines, describe_seeds, rough

if TYPE_CHECKING:
    from zsg_harness.cells.outcome import Outcome
    from zsg_harness.cells.progress import Progress
    from zsg_harness.plan.cell import Cell

_NAME: Final = 34
_BAR: Final = 16
_WIDE: Final = 100
_MIDDLE: Final = 70
_NARROW: Final = 50
"""Columns of the terminal from which speeds are shown; bars and losses; what a cell is doing."""


class LiveDisplay(CellLines):
    """A listener for a terminal. Lines about cells that ended scroll above the bars."""

    def __init__(self, matrix: str, limit: int | None, console: Console) -> None:
        super().__init__(matrix, limit)
        self._console = console
        self._live = Live(self, console=console, refresh_per_second=5, transient=True)
        self._began = time.monotonic()
        self._names: dict[str, str] = {}
        self._failed = self._elsewhere = 0

    def __enter__(self) -> LiveDisplay:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._live.stop()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        """The bars as they are now."""
        yield self._overall(options.max_width)
        yield self._lines(options.max_width)

    def show(self, line: str, style: str = "") -> None:
        """Write a line above the bars."""
        self._console.print(Text(printable(line), style), soft_wrap=True)

    def planned(self, cells: Sequence[Cell]) -> None:
        """Find short names for the cells."""
        super().planned(cells)
        self._names = _short_names(self.chosen(cells))

    def progressed(self, progress: Progress) -> None:
        """Move a cell's bar."""
        self.forecast.progressed(progress)
        before = self._running.get(progress.cell_id)
        if progress.stage == "evaluating" and before is not None:
            progress = replace(before, stage=progress.stage, step=progress.step, steps=progress.steps)
        self._running[progress.cell_id] = progress

    def ended(self, outcome: Outcome) -> None:
        """Take the cell's bar away, and write its line."""
        self._failed += outcome.state == "failed"
        super().ended(outcome)

    def elsewhere(self, count: int) -> None:
        """Count them in the matrix's bar."""
        self._elsewhere = count

    def _overall(self, width: int) -> Table:
        """The matrix: cells under way count by their share of steps."""
        running = list(self._running.values())
        share = sum(cell.step / cell.steps for cell in running if cell.steps)
        parts = [f"{self.ended_cells}/{self.total} cells" if self.cells else "planning"]
        if self._failed:
            parts.append(f"{self._failed} failed")
        if self._elsewhere:
            parts.append(f"{self._elsewhere} in another run")
        left = self.forecast.left()
        times = duration(time.monotonic() - self._began)
        if left is not None and self.ended_cells < self.total:
            times += f", about {rough(left)} left"
        bar = ProgressBar(max(1, self.total), self.ended_cells + share, width=24 if width >= _WIDE else _BAR)
        grid = _grid()
        grid.add_row(
            Text(printable(self._matrix), "bold"),
            *([bar] if width >= _MIDDLE else []),
            Text(", ".join(parts)),
            Text(times, "cyan"),
        )
        return grid

    def _lines(self, width: int) -> Table:
        """A line for each running cell, with less in it where there is less room."""
        grid = _grid()
        for cell_id, cell in list(self._running.items()):
            numbers = [f"{cell.step}/{cell.steps}"] if cell.steps else []
            if cell.loss is not None and width >= _MIDDLE:
                numbers.append(f"loss {cell.loss:.3f}")
            if cell.tokens_per_second is not None and width >= _WIDE:
                numbers.append(f"{cell.tokens_per_second:,.0f} tok/s")
            left = self.forecast.left_of(cell_id)
            bar = ProgressBar(cell.steps or 1, cell.step if cell.steps else 0, width=_BAR)
            grid.add_row(
                Text(f"  {_cut(self._names[cell_id], min(_NAME, max(12, width // 3)))}"),
                *([Text(cell.stage, "dim")] if width >= _NARROW or not cell.steps else []),
                *([bar] if width >= _MIDDLE else []),
                Text("  ".join(numbers), justify="right"),
                Text("" if left is None else f"{rough(left)} left", "cyan"),
            )
        return grid


def _grid() -> Table:
    grid = Table.grid(padding=(0, 1), collapse_padding=True)
    for _ in range(5):
        grid.add_column(no_wrap=True, overflow="ellipsis")
    return grid


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _short_names(cells: Sequence[Cell]) -> dict[str, str]:
    """What tells the cells of a run apart: their arrangement and seed, and the axes that vary."""
    axes = ("dataset", "embedder", "model", "budget")
    varying = [axis for axis in axes if len({getattr(cell.labels, axis) for cell in cells} - {None}) > 1]
    names = {}
    for cell in cells:
        values = [getattr(cell.labels, axis) for axis in varying]
        parts = [cell.labels.arrangement, *(str(value) for value in values if value is not None), describe_seeds(cell)]
        names[cell.cell_id] = printable(" · ".join(parts))
    return names
