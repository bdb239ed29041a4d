"""Watching a run: a live display where stderr is a terminal, else lines."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, nullcontext

from zsg_harness.cli.progress import CellLines, FailureLines
from zsg_harness.listener import Listener


def watch(matrix: str, limit: int | None, *, quiet: bool, plain: bool) -> AbstractContextManager[Listener]:
    """What shows a run, for the time of the run.

    Args:
        matrix: The matrix's name.
        limit: How many cells will be run at most.
        quiet: Show failures alone.
        plain: Show no live display, even on a terminal.
    """
    if quiet:
        return nullcontext(FailureLines(limit))
    if not plain and sys.stderr.isatty():
        from rich.console import Console

        from zsg_harness.cli.live import LiveDisplay

        console = Console(stderr=True, highlight=False)
        if not console.is_dumb_terminal:
            return LiveDisplay(matrix, limit, console)
    return nullcontext(CellLines(matrix, limit))
