"""Watching texts being embedded: a bar where stderr is a terminal, else a line now and then."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from zsg_harness.cli.output import note

if TYPE_CHECKING:
    from zsg_harness.services.cached_vectors import OnProgress

_SECONDS_BETWEEN_LINES: Final = 10.0


def silence_libraries() -> None:
    """Before any of them is imported: what stderr shows of the work is ours."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")


@contextmanager
def watch_embedding(*, quiet: bool) -> Iterator[OnProgress | None]:
    """What shows the progress, for the time of the work."""
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as show:
            yield show
    else:
        yield _Lines().show


class _Lines:
    """Nothing for what is done in seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def show(self, done: int, total: int) -> None:
        if time.monotonic() - self._last >= _SECONDS_BETWEEN_LINES:
            self._last = time.monotonic()
            note(f"embedded {done:,} of {total:,} texts")


@contextmanager
def _bar() -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("embedding", total=None, visible=False)
        yield lambda done, total: progress.update(task, completed=done, total=total, visible=True)
