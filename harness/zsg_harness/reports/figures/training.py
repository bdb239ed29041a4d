"""The loss of a section over training, and its difference to random."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from zsg_harness.reports.board import Section
from zsg_harness.reports.figures.drawing import MOST_PENS, WIDTH, add_legend, log_steps, pens, shortened
from zsg_harness.reports.series import Line, Series

_OTHERS: Final = "#c4c4c4"


def loss_figure(section: Section, series: Sequence[Series]) -> Figure:
    """Loss over log steps: means with their spread, random with its null band.

    Of many arrangements the first by `aulc` and the last are told apart; the others are thin lines.
    """
    figure, axes = _panel(section, f"loss on {section.held_out}")
    _draw(figure, axes, series, lambda one: one.level)
    return figure


def difference_figure(section: Section, series: Sequence[Series]) -> Figure:
    """The same, minus random's mean of the same block."""
    figure, axes = _panel(section, "loss minus random's")
    axes.axhline(0, color="#6B6B6B", linewidth=0.6)
    _draw(figure, axes, series, lambda one: one.difference)
    return figure


def chosen(series: Sequence[Series]) -> list[Series]:
    """Random, and of the others the first and the last, as many as can be told apart."""
    others = [one for one in series if not one.is_random]
    kept = others if len(others) <= MOST_PENS else [*others[: MOST_PENS - 1], others[-1]]
    return [one for one in series if one.is_random or any(one is each for each in kept)]


def _panel(section: Section, label: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, 4.0), layout="constrained")
    axes: Axes = figure.subplots()
    axes.set_title(shortened(section.title, 90))
    axes.set_ylabel(label)
    axes.set_xlabel("optimizer step (log scale)")
    return figure, axes


def _draw(figure: Figure, axes: Axes, series: Sequence[Series], line_of: Callable[[Series], Line | None]) -> None:
    told = chosen(series)
    others = [one for one in series if not any(one is each for each in told)]
    handles, names = [], []
    for one in others:
        if (line := line_of(one)) is not None:
            (thin,) = axes.plot(line.mean.index, line.mean, color=_OTHERS, linewidth=0.5, zorder=1)
            handles, names = [thin], [f"{len(others)} others"]
    drawn = [(one, pen, line_of(one)) for one, pen in zip(told, pens(told), strict=True)]
    lines = [(one, pen, line) for one, pen, line in drawn if line is not None]
    for _, pen, line in lines:
        pen.shade(axes, line)
    shown = [(pen.draw(axes, line), _name(one)) for one, pen, line in lines]
    log_steps(axes, max(float(line.mean.index[-1]) for _, _, line in lines))
    add_legend(figure, [*(handle for handle, _ in shown), *handles], [*(name for _, name in shown), *names])


def _name(one: Series) -> str:
    return f"{one.name}, with the null band" if one.is_random and one.level.low.notna().any() else shortened(one.name)
