"""The loss curves of a section as a plotly figure, and the coordinates for its other views.

A view is a choice of x (steps or tokens, log or linear) and of y (the loss, or its difference to random).
Every view is worked out here, so that the page only swaps coordinates.
"""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import plotly.graph_objects as go

from zsg_harness.reports.series import Line, Series

# Okabe & Ito (2008), *Color universal design*: told apart with any colour vision. Light page, dark page.
PALETTE: Final = (
    ("#0072B2", "#4BA3DB"),
    ("#D55E00", "#EE8139"),
    ("#009E73", "#2DBE94"),
    ("#B5568F", "#D98DBB"),
    ("#C98A00", "#E9B13C"),
    ("#3F9BD1", "#8CCBEF"),
)
RANDOM_COLOUR: Final = ("#6B6B6B", "#A3A3A3")
DASHES: Final = ("solid", "dash", "dot", "dashdot")
SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "star")
_MOST_TICKS: Final = 10
_HOVER: Final = "<b>%{fullData.name}</b><br>%{y:.4f}<br>step %{customdata[0]}, %{customdata[1]} tokens<extra></extra>"

Floats = npt.NDArray[np.float64]


class Style:
    """How a series is drawn: by colour, dash and symbol at once, so that none has to be seen."""

    def __init__(self, position: int, *, is_random: bool) -> None:
        """`position` counts the series of a page that are not random."""
        self.colours = RANDOM_COLOUR if is_random else PALETTE[position % len(PALETTE)]
        self.dash = DASHES[position // len(PALETTE) % len(DASHES)]
        self.symbol = "circle-open" if is_random else SYMBOLS[position % len(SYMBOLS)]


def curves(series: Sequence[Series], styles: Sequence[Style], held_out: str) -> dict[str, Any]:
    """A section's chart: the figure in its first view, and what the page needs to show the others.

    Returns:
        `figure`: the plotly figure. `x`, `y`: for each view an `axis` and the coordinates of each `trace`.
        `series`: the name, colours and traces of each series. All of it plain JSON.
    """
    unit = _tokens_per_step(series)
    steps: list[Floats] = [np.asarray(one.loss.mean.index, dtype=np.float64) for one in series]
    tokens: list[Floats] = [np.asarray(one.tokens, dtype=np.float64) for one in series]
    x = {
        "steps-log": _x_view("step (log scale)", steps, unit=1.0),
        "steps": _x_view("step", steps),
        "tokens-log": _x_view("training tokens (log scale)", tokens, unit=unit),
        "tokens": _x_view("training tokens", tokens),
    }
    y = {
        "loss": _y_view(f"loss on {held_out}", [one.loss for one in series], steps),
        "difference": _y_view("loss minus random's", [one.difference for one in series], steps),
    }
    figure = go.Figure(layout=_layout(x["steps-log"]["axis"], y["loss"]["axis"]))
    coordinates = zip(x["steps-log"]["traces"], y["loss"]["traces"], strict=True)
    for draw in (_band, _line):
        for one, style in zip(series, styles, strict=True):
            figure.add_trace(draw(one, style, *next(coordinates)))
    legend = [
        {
            "name": one.name,
            "colours": style.colours,
            "dash": style.dash,
            "traces": [position, len(series) + position],
        }
        for position, (one, style) in enumerate(zip(series, styles, strict=True))
    ]
    return {"figure": json.loads(figure.to_json()), "x": x, "y": y, "series": legend}


def _layout(x_axis: dict[str, Any], y_axis: dict[str, Any]) -> dict[str, Any]:
    return {
        "template": None,
        "showlegend": False,
        "hovermode": "closest",
        "margin": {"l": 56, "r": 12, "t": 8, "b": 48},
        "xaxis": {"showgrid": False, "zeroline": False, "ticks": "outside", "ticklen": 4, **x_axis},
        "yaxis": {"zeroline": False, "ticks": "", "nticks": 7, **y_axis},
    }


def _line(one: Series, style: Style, x: list[float | None], y: list[float | None]) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        # Plotly reads names as markup; escaped, they are shown as they are.
        name=html.escape(one.name, quote=False),
        mode="lines+markers",
        line={"color": style.colours[0], "width": 2, "dash": style.dash},
        marker={"symbol": style.symbol, "size": 6},
        customdata=[[f"{step:,.0f}", f"{tokens:,.0f}"] for step, tokens in one.tokens.items()],
        hovertemplate=_HOVER,
    )


def _band(one: Series, style: Style, x: list[float | None], y: list[float | None]) -> go.Scatter:
    return go.Scatter(
        x=x,
        y=y,
        name=html.escape(one.name, quote=False),
        mode="lines",
        line={"width": 0, "color": style.colours[0]},
        fill="toself",
        fillcolor=style.colours[0],
        opacity=0.22 if one.is_random else 0.14,
        hoverinfo="skip",
    )


def _x_view(title: str, values: Sequence[Floats], unit: float | None = None) -> dict[str, Any]:
    """Coordinates along x of every band, then of every line.

    On a log scale they are log1p(value / unit), which has a place for the start, 0.
    """
    placed = values if unit is None else [np.log1p(line / unit) for line in values]
    traces = [*(_plain([*line, *line[::-1]]) for line in placed), *map(_plain, placed)]
    axis: dict[str, Any] = {"title": {"text": title}, "tickmode": "auto"}
    if unit is not None:
        ticks = round_ticks(unit, max((float(line[-1]) for line in values), default=unit))
        places = [float(np.log1p(tick / unit)) for tick in ticks]
        axis |= {"tickmode": "array", "tickvals": places, "ticktext": list(map(short_number, ticks))}
    return {"axis": axis, "traces": traces}


def _y_view(title: str, lines: Sequence[Line | None], steps: Sequence[Floats]) -> dict[str, Any]:
    """Coordinates along y of every band, then of every line; none where there is nothing to compare with."""
    bands: list[list[float | None]] = []
    means: list[list[float | None]] = []
    for line, along in zip(lines, steps, strict=True):
        if line is None:
            bands.append([None] * (2 * len(along)))
            means.append([None] * len(along))
        else:
            bands.append(_plain([*line.low, *line.high[::-1]]))
            means.append(_plain(line.mean))
    return {"axis": {"title": {"text": title}}, "traces": bands + means}


def _tokens_per_step(series: Sequence[Series]) -> float:
    """The tokens of a step: the unit in which the log axis of tokens starts where that of steps does."""
    tokens = sum(float(one.tokens.iloc[-1]) for one in series)
    steps = sum(float(one.tokens.index[-1]) for one in series)
    return tokens / steps if tokens and steps else 1.0


def round_ticks(unit: float, last: float) -> list[float]:
    """0, and the round values 1, 2, 5 × 10^k from `unit` to `last`; only 10^k when that is too many."""
    decades = range(math.floor(math.log10(unit)), math.floor(math.log10(max(last, unit))) + 1)
    for digits in ((1, 2, 5), (1,)):
        ticks = [digit * 10.0**power for power in decades for digit in digits]
        ticks = [tick for tick in ticks if unit <= tick <= last]
        if len(ticks) <= _MOST_TICKS:
            break
    return [0.0, *ticks]


def short_number(value: float) -> str:
    """`500`, `20k`, `3M`."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _plain(values: Iterable[Any]) -> list[float | None]:
    return [None if math.isnan(value) else float(value) for value in values]
