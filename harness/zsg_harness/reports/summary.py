"""From every score of a cell to its loss curve, and from the curve to the figures of a leaderboard."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from zsg_harness.store.tables import LOSS_TOKEN

LOSS: Final = "loss"
LOSS_FIGURES: Final = (
    "loss_final",
    "loss_final_example",
    "loss_final_token",
    "loss_best",
    "aulc",
    "aulc_linear",
    "aulc_tokens",
    "step_final",
    "tokens_final",
)


def mean_height(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """The area under a curve by the trapezoid rule over the range of x: the mean of y along x.

    NaN if x spans nothing.
    """
    xs, ys = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if xs.size < 2 or xs[-1] <= xs[0]:
        return math.nan
    return float(np.trapezoid(ys, xs) / (xs[-1] - xs[0]))


def unseen_curves(scores: pd.DataFrame) -> pd.DataFrame:
    """The loss of each cell at each step it was evaluated at.

    Returns:
        Columns `cell`, `step`, `tokens`, and the three averages `loss` (task-macro: every task weighs the same),
        `loss_example` and `loss_token` (every example, every answer's token weighs the same; the last is NaN where a
        cell was scored without it), ordered by cell and step.
    """
    curves = _weighted(scores, LOSS).rename(columns={"macro": "loss", "pooled": "loss_example"})
    by_token = _weighted(scores, LOSS_TOKEN)[["cell", "step", "pooled"]].rename(columns={"pooled": "loss_token"})
    curves = curves.merge(by_token, on=["cell", "step"], how="left")
    return curves[["cell", "step", "tokens", "loss", "loss_example", "loss_token"]]


def metric_curves(scores: pd.DataFrame, geometric: frozenset[str] = frozenset()) -> pd.DataFrame:
    """Every score but the losses of each cell at each step it was measured at, averaged over tasks.

    Returns:
        A frame indexed by cell and step, with a column for each score; what was not measured then is NaN. Scores on
        something else than unseen tasks stand apart, as `seen/…` and `external/…`.
    """
    return _means_over_tasks(_no_losses(scores), ["cell", "step"], geometric)


def _no_losses(scores: pd.DataFrame) -> pd.DataFrame:
    return scores[~scores["metric"].isin([LOSS, LOSS_TOKEN]) & (scores["count"] > 0)]


def _means_over_tasks(scores: pd.DataFrame, by: list[str], geometric: frozenset[str]) -> pd.DataFrame:
    values, multiplies = scores["value"], scores["metric"].isin(geometric)
    with np.errstate(divide="ignore"):
        values = values.mask(multiplies, np.log(values.where(multiplies)))
    metric, scope = scores["metric"].astype("str"), scores["scope"].astype("str")
    names = metric.where(scope == "unseen", scope + "/" + metric)
    means = values.groupby([*(scores[name] for name in by), names], observed=True).mean().unstack()
    for name in means.columns:
        if name.rpartition("/")[2] in geometric:
            means[name] = np.exp(means[name])
    return means.astype("float64").rename(columns=str)


def _weighted(scores: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Of each cell and step the mean over tasks of a metric (`macro`), and over what is behind them (`pooled`)."""
    rows = scores[(scores["metric"] == metric) & (scores["scope"] == "unseen") & (scores["count"] > 0)]
    rows = rows.assign(weighted=rows["value"] * rows["count"])
    groups = rows.groupby(["cell", "step"], observed=True)
    found = groups.agg(
        tokens=("tokens", "max"), macro=("value", "mean"), weighted=("weighted", "sum"), count=("count", "sum")
    ).reset_index()
    return found.assign(pooled=found["weighted"] / found["count"])


def loss_figures(curve: Mapping[str, npt.NDArray[Any]]) -> dict[str, float]:
    """The figures of one cell's loss curve: columns of `unseen_curves`, ordered by step.

    `aulc` is the area under the loss over log1p(step), divided by the range of log1p(step): a mean loss in
    which the first steps, where generalization happens, weigh most. `loss_best` is picked on the scored
    examples themselves, so it is to be shown and never ranked.
    """
    steps, tokens, loss = curve["step"], curve["tokens"], curve["loss"]
    return {
        "loss_final": float(loss[-1]),
        "loss_final_example": float(curve["loss_example"][-1]),
        "loss_final_token": float(curve["loss_token"][-1]),
        "loss_best": float(loss.min()),
        "aulc": mean_height(np.log1p(steps), loss),
        "aulc_linear": mean_height(steps, loss),
        "aulc_tokens": mean_height(tokens, loss),
        "step_final": float(steps[-1]),
        "tokens_final": float(tokens[-1]),
    }


def cell_figures(scores: pd.DataFrame, curves: pd.DataFrame, geometric: frozenset[str] = frozenset()) -> pd.DataFrame:
    """The figures of each cell: those of its loss curve, and every other score at the last step, averaged over tasks.

    Returns:
        A frame indexed by cell; a score that a cell does not have at its last step is NaN. Scores on something else
        than unseen tasks stand apart, as `seen/…` and `external/…`.
    """
    columns = {str(name): column.to_numpy() for name, column in curves.drop(columns="cell").items()}
    groups = curves.groupby("cell", observed=True).indices
    figures = pd.DataFrame.from_dict(
        {
            str(cell): loss_figures({name: column[rows] for name, column in columns.items()})
            for cell, rows in groups.items()
        },
        orient="index",
        columns=list(LOSS_FIGURES),
    )
    others = _no_losses(scores)
    last = others["cell"].astype("str").map(figures["step_final"])
    means = _means_over_tasks(others[others["step"] == last], ["cell"], geometric)
    means.index = means.index.astype("str")
    return figures.join(means)
