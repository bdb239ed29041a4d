"""A cell's explanation as one page without script: each task's loss beside its distances, and what was trained when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zsg_harness.explain.explanation import Explanation
from zsg_harness.explain.lag import LAGS
from zsg_harness.explain.mix import Mix
from zsg_harness.explain.similarity import mean_correlations
from zsg_harness.orders.picture import Bar
from zsg_harness.reports.styles import PALETTE, RANDOM_COLOUR
from zsg_harness.templates import templates

SHOWN: Final = ("cosine-min", "cosine-avg")
"""The distances that are drawn beside each loss, each over its own range."""

_WIDTH, _HEIGHT = 220, 110
_MOST_TASKS: Final = 60


@dataclass(frozen=True, slots=True)
class Panel:
    """One task's curves.

    Attributes:
        loss: A polyline.
        distances: A polyline for each of `SHOWN`, empty where nothing is known.
        drops: Where sudden drops begin and end, along x.
        ends: The first and the last loss.
    """

    task: str
    kind: str
    loss: str
    distances: tuple[str, ...]
    drops: tuple[tuple[float, float], ...]
    ends: tuple[float, float]


def page(explanation: Explanation) -> str:
    """The page; tasks with sudden drops come first."""
    tasks = _most_telling(explanation.tasks)
    return (
        templates("zsg_harness.explain")
        .get_template("explanation.html.j2")
        .render(
            explanation=explanation,
            panels=list(_panels(explanation)),
            width=_WIDTH,
            height=_HEIGHT,
            shown=SHOWN,
            lags=LAGS,
            means={measure: mean_correlations(own) for measure, own in explanation.correlations.items()},
            bars=list(_bars(explanation.tasks, tasks)),
            legend=[*tasks, "other"],
            colours=[*PALETTE[: len(tasks)], RANDOM_COLOUR],
            steps=int(explanation.consumed.steps[-1]),
        )
    )


def _panels(explanation: Explanation) -> Iterator[Panel]:
    curves = explanation.consumed.curves
    frame = explanation.similarity.to_pandas()
    by_curve = {key: rows["distance"].to_numpy() for key, rows in frame.groupby(["measure", "task"], sort=False)}
    x = np.log1p(curves.steps) / np.log1p(curves.steps[-1]) * _WIDTH
    place = dict(zip(curves.steps.tolist(), x.tolist(), strict=True))
    greatest = {jump.drop.task: jump.drop.fall for jump in reversed(explanation.jumps)}
    order = sorted(range(len(curves.tasks)), key=lambda number: -greatest.get(curves.tasks[number], 0.0))
    for number in order[:_MOST_TASKS]:
        task, losses = curves.tasks[number], curves.losses[number]
        own = [jump.drop for jump in explanation.jumps if jump.drop.task == task]
        yield Panel(
            task,
            explanation.kinds[task],
            _polyline(x, losses),
            tuple(_polyline(x, by_curve[measure, task]) for measure in SHOWN),
            tuple((place[drop.from_step], place[drop.to_step] - place[drop.from_step]) for drop in own),
            (float(losses[0]), float(losses[-1])),
        )


def _polyline(x: NDArray[np.float64], values: NDArray[np.float64]) -> str:
    """A curve over the whole height of a panel."""
    known = np.isfinite(values)
    if not known.any():
        return ""
    low, high = float(values[known].min()), float(values[known].max())
    y = _HEIGHT * (1 - (values[known] - low) / ((high - low) or 1.0))
    return " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x[known], y, strict=True))


def _most_telling(mix: Mix) -> list[str]:
    """The tasks that have a colour: those that fill most of some part of training."""
    return list(mix.shares)[: len(PALETTE)]


def _bars(mix: Mix, tasks: Sequence[str]) -> Iterator[Bar]:
    """Stacked from the bottom, the other tasks on top."""
    width = 3 * _WIDTH / len(mix.ends)
    for part in range(len(mix.ends)):
        shares = [mix.shares[task][part] for task in tasks]
        bottom = float(_HEIGHT)
        named = zip([*tasks, "other"], [*shares, 1 - sum(shares)], strict=True)
        for colour, (task, share) in enumerate(named):
            if share > 1e-9:
                bottom -= share * _HEIGHT
                yield Bar(colour, part * width + 1, bottom, width - 2, share * _HEIGHT, f"{task}: {share:.0%}")
