"""How two orders differ, as one picture: an SVG, or a page that holds it. It has no script and needs nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal, NamedTuple

import numpy as np

from zsg_harness.orders.compare import BINS, Comparison, Side
from zsg_harness.reports.styles import PALETTE, RANDOM_COLOUR
from zsg_harness.templates import templates

_SIZE: Final = 300
_LEFT: Final = (60, 480)
_CHARTS_TOP: Final = 100
_MIX_TOP: Final = 500
_GRID: Final = 50
_NAME: Final = 48


class Bar(NamedTuple):
    """A share of a part of training, in pixels; `colour` is its number among the colours."""

    colour: int
    x: float
    y: float
    width: float
    height: float
    title: str


def picture(comparison: Comparison, kind: Literal["svg", "html"]) -> str:
    """Draw a comparison.

    It shows how much the beginnings of the orders share, where the common examples are in both, and, where tasks are
    known, what each tenth of an order consists of.
    """
    a, b = comparison.a, comparison.b
    tasks = _most_telling(a, b)
    has_tasks = bool(a.task_mix or b.task_mix)
    legend = [*tasks, "other"] if has_tasks else []
    mixes = [
        {"name": name, "x": left, "bars": list(_bars(side, tasks, left))}
        for name, side, left in zip("AB", (a, b), _LEFT, strict=True)
        if side.task_mix
    ]
    height = _MIX_TOP + _SIZE + 60 + 22 * len(legend) if has_tasks else _CHARTS_TOP + _SIZE + 60
    return (
        templates("zsg_harness.orders")
        .get_template(f"diff.{kind}.j2")
        .render(
            a=a,
            b=b,
            width=_LEFT[1] + _SIZE + 40,
            height=height,
            size=_SIZE,
            cell=_SIZE / _GRID,
            summary=summary(comparison),
            overlap=_points([(one.percent / 100, one.jaccard) for one in comparison.curve]),
            # Two independent orders of one set share p² of it in their first p, of which each has p.
            chance=_points([(p, p / (2 - p)) for p in np.linspace(0, 1, 51)]) if comparison.same_set else "",
            density=list(_density(comparison)),
            mixes=mixes,
            legend=[
                {"colour": colour, "x": _LEFT[0], "y": _MIX_TOP + _SIZE + 50 + 22 * colour, "name": _short(task)}
                for colour, task in enumerate(legend)
            ],
            colours=[*PALETTE[: len(tasks)], RANDOM_COLOUR] if has_tasks else [PALETTE[0]],
        )
    )


def summary(comparison: Comparison) -> str:
    """The comparison in a line."""
    sets = "the same examples" if comparison.same_set else f"{comparison.common:,} common examples"
    if comparison.same_order:
        return f"{sets}, in the same order"
    tau = comparison.kendall_tau
    return sets if tau is None else f"{sets}, Kendall's τ {tau:.3f}"


def _points(places: list[tuple[float, float]]) -> str:
    """Shares from 0 to 1 as a polyline in the left chart."""
    return " ".join(f"{_LEFT[0] + _SIZE * x:.1f},{_CHARTS_TOP + _SIZE * (1 - y):.1f}" for x, y in places)


def _density(comparison: Comparison) -> Iterator[tuple[float, float, str]]:
    """The cells of the right chart that hold examples, the fuller the darker."""
    cells, counts = np.unique((comparison.ranks * _GRID).astype(np.int64), axis=0, return_counts=True)
    side = _SIZE / _GRID
    for (column, row), count in zip(cells.tolist(), counts.tolist(), strict=True):
        opacity = 0.15 + 0.85 * count / counts.max()
        yield _LEFT[1] + column * side, _CHARTS_TOP + _SIZE - (row + 1) * side, f"{opacity:.2f}"


def _most_telling(a: Side, b: Side) -> list[str]:
    """The tasks that have a colour: those that fill most of some tenth."""
    peaks: dict[str, float] = {}
    for mix in (a.task_mix, b.task_mix):
        for task, shares in mix.items():
            if task:
                peaks[task] = peaks.get(task, 0.0) + max(shares)
    return sorted(peaks, key=lambda task: (-peaks[task], task))[: len(PALETTE)]


def _bars(side: Side, tasks: list[str], left: int) -> Iterator[Bar]:
    """Stacked from the bottom, the other tasks on top."""
    width = _SIZE / BINS
    for part in range(BINS):
        shares = [side.task_mix.get(task, (0.0,) * BINS)[part] for task in tasks]
        whole = sum(mix[part] for mix in side.task_mix.values())
        bottom = _MIX_TOP + float(_SIZE)
        for colour, (task, share) in enumerate(zip([*tasks, "other"], [*shares, whole - sum(shares)], strict=True)):
            if share > 1e-9:
                bottom -= share * _SIZE
                title = f"{task}: {share:.0%}"
                yield Bar(colour, left + part * width + 1, bottom, width - 2, share * _SIZE, title)


def _short(name: str) -> str:
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"
