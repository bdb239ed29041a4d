"""How every figure is drawn: fonts, colours, axes, and the bytes of its files."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from zsg_harness.reports.figures.ticks import round_ticks, short_number
from zsg_harness.reports.series import Line, Series
from zsg_harness.reports.styles import PALETTE, RANDOM_COLOUR

WIDTH: Final = 7.0
"""Inches: two columns of a page."""

_DOTS: Final = 200
_LONGEST: Final = 48
_STYLE: Final[dict[Any, Any]] = {
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#dddddd",
    "grid.linewidth": 0.4,
    "xtick.major.width": 0.6,
    "ytick.major.size": 0,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "legend.handlelength": 3,
    "lines.linewidth": 1.2,
    "lines.markersize": 3.5,
    "text.parse_math": False,  # a name with dollars is a name
    "svg.hashsalt": "zsg-harness",
    "svg.fonttype": "path",
}
_DASHES: Final = ((0, ()), (0, (5, 1.5)), (0, (1.2, 1.2)), (0, (5, 1.5, 1.2, 1.5)), (0, (9, 2)), (0, (3, 1)))
_MARKERS: Final = ("s", "^", "D", "v", "P", "X")


@dataclass(frozen=True, slots=True)
class Pen:
    """How a curve is drawn: by colour, dashes and marker at once, so that none has to be seen."""

    colour: str
    dashes: Any = (0, ())
    marker: str = "o"
    is_hollow: bool = False

    def draw(self, axes: Axes, line: Line) -> Any:
        """Draw a mean; returns what a legend shows."""
        (drawn,) = axes.plot(
            line.mean.index,
            line.mean,
            color=self.colour,
            linestyle=self.dashes,
            marker=self.marker,
            markerfacecolor="white" if self.is_hollow else self.colour,
            markeredgewidth=0.8,
            clip_on=False,
        )
        return drawn

    def shade(self, axes: Axes, line: Line) -> None:
        """Shade what a mean spreads over."""
        if line.low.notna().any():
            alpha = 0.25 if self.is_hollow else 0.15
            axes.fill_between(line.mean.index, line.low, line.high, color=self.colour, alpha=alpha, linewidth=0)


RANDOM_PEN: Final = Pen(RANDOM_COLOUR[0], is_hollow=True)
MOST_PENS: Final = len(PALETTE)


def pens(series: Sequence[Series]) -> list[Pen]:
    """A pen for each series, random's own for random."""
    drawn: list[Pen] = []
    for one in series:
        place = sum(not pen.is_hollow for pen in drawn)
        drawn.append(RANDOM_PEN if one.is_random else Pen(PALETTE[place][0], _DASHES[place], _MARKERS[place]))
    return drawn


def shortened(name: str, longest: int = _LONGEST) -> str:
    """A name that fits; matplotlib leaves out of a legend what begins with an underscore."""
    shown = " ".join("".join(char for char in name if char.isprintable()).split())
    shown = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return f" {shown}" if shown.startswith("_") else shown


def log_steps(axes: Axes, last: float) -> None:
    """Steps along log(1 + step), over which `aulc` is taken, and which has a place for step 0."""
    axes.set_xscale("function", functions=(np.log1p, np.expm1))
    axes.xaxis.set_major_locator(FixedLocator(round_ticks(1.0, last)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
    axes.set_xlim(0, last)


def add_legend(figure: Figure, handles: Sequence[Any], names: Sequence[str]) -> None:
    """A legend below a figure."""
    columns = 1 if max(map(len, names)) > _LONGEST * 0.7 else 3
    figure.legend(handles, names, loc="outside lower left", ncols=columns)


@contextmanager
def styled() -> Iterator[None]:
    """Draw in the project's style, whatever the user's is, and without a word on letters that the font lacks."""
    with mpl.rc_context(), warnings.catch_warnings():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def saved(figure: Figure, name: str, source: str) -> dict[str, bytes]:
    """A figure's files. They say neither when nor with what they were made, so that they change only if it does.

    Args:
        figure: The figure.
        name: Of the files, without a suffix.
        source: What it was made from, which they say.
    """
    figure.draw_without_rendering()
    figure.set_layout_engine("none")  # what was laid out once, stays
    files: dict[str, bytes] = {}
    for suffix, nothing in (("svg", {"Date": None, "Creator": None}), ("png", {"Software": None})):
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, dpi=_DOTS, metadata={**nothing, "Source": source})
        files[f"{name}.{suffix}"] = buffer.getvalue()
    return files
