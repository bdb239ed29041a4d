"""Running metrics, and averaging what they say by task."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from zsg_harness.store.tables import LOSS_TOKEN
from zsg_registry import ContractError, Metric, MetricBatch, MetricRows


@dataclass(frozen=True, slots=True)
class TaskScores:
    """Scores of one evaluation step, averaged by task.

    Attributes:
        frame: Columns `task`, `metric`, `value` (mean over the task's valid rows), `count`.
        invalid: Rows without a valid score, by output.
    """

    frame: pd.DataFrame
    invalid: dict[str, int]

    def mean(self, output: str) -> float:
        """The mean over tasks of one output; of `loss_token` over all tokens."""
        rows = self.frame[self.frame["metric"] == output]
        if output == LOSS_TOKEN:
            return float((rows["value"] * rows["count"]).sum() / rows["count"].sum())
        return float(rows["value"].mean())


def score(metrics: Sequence[Metric], batch: MetricBatch) -> TaskScores:
    """Score a batch with every metric whose requirements the batch fulfils.

    Raises:
        ContractError: A metric yields an output it did not declare.
    """
    frames: list[pd.DataFrame] = []
    for metric in metrics:
        if not _can_score(metric, batch):
            continue
        rows = metric.score(batch)
        undeclared = sorted(set(rows.outputs) - set(metric.outputs))
        if undeclared:
            raise ContractError(f"metric {type(metric).__name__} yields {undeclared[0]!r}, which it did not declare")
        frames.append(_frame(rows))
    return _by_task(pd.concat(frames) if frames else _frame(MetricRows([], [], [], np.empty(0), np.empty(0, int))))


def opened(metrics: Iterable[Metric]) -> list[Metric]:
    """Open every metric; whoever calls this closes them."""
    listed = list(metrics)
    for metric in listed:
        metric.open()
    return listed


def describe_outputs(metrics: Iterable[Metric]) -> dict[str, dict[str, str]]:
    """Direction and scope of every output, as a cell keeps it beside its scores."""
    return {
        output: {"direction": direction, "scope": metric.scope}
        for metric in metrics
        for output, direction in metric.outputs.items()
    }


def _can_score(metric: Metric, batch: MetricBatch) -> bool:
    provided = {"losses": batch.losses, "generations": batch.generations, "model": batch.model}
    return all(provided[what] is not None for what in metric.requires)


def _frame(rows: MetricRows) -> pd.DataFrame:
    return pd.DataFrame(
        {"task": list(rows.tasks), "metric": list(rows.outputs), "value": rows.values, "count": rows.counts}
    )


def _by_task(rows: pd.DataFrame) -> TaskScores:
    is_valid = np.isfinite(rows["value"].to_numpy(dtype=np.float64))
    invalid = rows["metric"][~is_valid].value_counts(sort=False)
    valid = rows[is_valid]
    weighted = valid.assign(total=valid["value"] * valid["count"])
    grouped = weighted.groupby(["task", "metric"], sort=True)[["total", "count"]].sum().reset_index()
    grouped["value"] = grouped["total"] / grouped["count"]
    frame = grouped[["task", "metric", "value", "count"]].astype({"count": "int64"})
    return TaskScores(frame, {str(name): int(count) for name, count in invalid.items()})
