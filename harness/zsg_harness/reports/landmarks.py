"""When a loss has fallen how far: on the scale of what random order gains in all."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean, median
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from zsg_harness.reports.table import Row

SHARES: Final[Mapping[str, float]] = {"onset_step": 0.1, "steps_to_50": 0.5, "steps_to_90": 0.9}
"""The share of random's total drop that is reached at each landmark."""
TOKENS: Final[Mapping[str, str]] = {"tokens_to_50": "steps_to_50", "tokens_to_90": "steps_to_90"}
"""Landmarks in tokens, by those in steps."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Curve:
    """One cell's mean loss on unseen tasks.

    Attributes:
        steps, tokens, loss: float64 `[n]`.
    """

    steps: Floats
    tokens: Floats
    loss: Floats


def curves_by_cell(curves: pd.DataFrame) -> dict[str, Curve]:
    """The curve of each cell, from `unseen_curves`."""
    columns = [curves[name].to_numpy(dtype=np.float64) for name in ("step", "tokens", "loss")]
    groups = curves.groupby("cell", observed=True).indices
    return {str(cell): Curve(*(column[rows] for column in columns)) for cell, rows in groups.items()}


def crossing(steps: Floats, loss: Floats, target: float) -> float:
    """The step at which a loss first is as low as `target`, between evaluations in proportion to log(1 + step).

    Infinite if it never is.
    """
    reached = np.flatnonzero(loss <= target)
    if not len(reached):
        return math.inf
    last = int(reached[0])
    if not last:
        return float(steps[0])
    share = (loss[last - 1] - target) / (loss[last - 1] - loss[last])
    low, high = np.log1p(steps[last - 1]), np.log1p(steps[last])
    return float(np.expm1(low + share * (high - low)))


def landmarks(row: Row, random: Row | None, curves: Mapping[str, Curve]) -> dict[str, float]:
    """The landmarks of a row: of each the median over its orders, a landmark never reached being the latest.

    Random's total drop is taken in each block, from its mean loss before training to that after the last step. NaN
    where random was not run or did not gain, and where most orders never get there.
    """
    scales = {} if random is None else _scales(random, curves)
    found: dict[str, list[float]] = {name: [] for name in (*SHARES, *TOKENS)}
    for replicate in row.replicates:
        if replicate.block in scales:
            curve = curves[replicate.cells[0].cell_id]  # whatever came to this order has the same
            for name, value in _landmarks(curve, *scales[replicate.block]).items():
                found[name].append(value)
    return {name: _finite(median(values)) if values else math.nan for name, values in found.items()}


def regret(row: Row) -> float:
    """What a row gave away of its lowest loss by the last step: the mean over its orders."""
    return fmean(last - best for last, best in zip(row.values("loss_final"), row.values("loss_best"), strict=True))


def _scales(random: Row, curves: Mapping[str, Curve]) -> dict[str, tuple[float, float]]:
    """In each block random's first loss, and what it gained in all; not where that is nothing."""
    ends: dict[str, list[tuple[float, float]]] = {}
    for cell in random.cells:
        loss = curves[cell.cell_id].loss
        ends.setdefault(cell.record.block, []).append((float(loss[0]), float(loss[-1])))
    means = {block: [fmean(values) for values in zip(*pairs, strict=True)] for block, pairs in ends.items()}
    return {block: (first, first - last) for block, (first, last) in means.items() if first > last}


def _landmarks(curve: Curve, first: float, drop: float) -> dict[str, float]:
    found = {name: crossing(curve.steps, curve.loss, first - share * drop) for name, share in SHARES.items()}
    for name, of in TOKENS.items():
        there = math.isfinite(found[of])
        found[name] = float(np.interp(found[of], curve.steps, curve.tokens)) if there else math.inf
    return found


def _finite(value: float) -> float:
    return value if math.isfinite(value) else math.nan
