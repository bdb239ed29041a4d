"""Figures of a leaderboard in publication quality, as SVG and PNG: told apart with any colour vision, and in grey."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final

from zsg_harness.reports.board import Leaderboard, Section
from zsg_registry import ZsgError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

TOLD: Final = ("arrangement", "dataset", "embedder", "model", "budget", "aulc", "loss_final")
"""The columns of `leaderboard.csv` that a figure is known by."""


def check_library() -> None:
    """See that figures can be drawn here.

    Raises:
        ZsgError: matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ZsgError("figures need matplotlib: pip install 'zsg-harness[figures]'")


def draw_figures(board: Leaderboard) -> dict[str, bytes]:
    """All figures of a leaderboard.

    Of each section: the loss over training, the difference to random, the loss by task, and, where the arrangements
    for it are there, what the paper shows. The same leaderboard gives the same bytes. Each says by `drawn_from` which
    leaderboard that was.

    Returns:
        `figures/<number>-<section>-<what>.svg` and `.png`.

    Raises:
        ZsgError: matplotlib is not installed.
    """
    check_library()
    from zsg_harness.reports.figures.drawing import saved, styled

    files: dict[str, bytes] = {}
    source = drawn_from(board.rows)
    with styled():
        for number, section in enumerate(board.sections, start=1):
            for what, figure in _figures(board, section):
                files |= saved(figure, f"figures/{number}-{_plain_name(section)}-{what}", source)
    return files


def drawn_from(rows: pd.DataFrame) -> str:
    """The rows of a leaderboard in a word, by which it shows whether a figure is of these."""
    told = rows[list(TOLD)].to_csv(index=False, lineterminator="\n")
    return f"leaderboard.csv {hashlib.sha256(told.encode()).hexdigest()}"


def _figures(board: Leaderboard, section: Section) -> Iterator[tuple[str, Figure]]:
    from zsg_harness.reports.figures.paper import paper_figures
    from zsg_harness.reports.figures.tasks import tasks_figure
    from zsg_harness.reports.figures.training import difference_figure, loss_figure
    from zsg_harness.reports.series import section_series

    series = section_series(board, section)
    yield "loss", loss_figure(section, series)
    if any(one.difference is not None for one in series if not one.is_random):
        yield "difference", difference_figure(section, series)
    if (by_task := tasks_figure(board, section)) is not None:
        yield "tasks", by_task
    yield from paper_figures(section, series)


def _plain_name(section: Section) -> str:
    """A section's name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", "-".join(section.key)).strip("-.")[:60] or "section"
