"""Running metrics, and averaging what they say by task."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from zsg_harness.store.tables import LOSS_TOKEN
from zsg_registry import Averaging, ContractError, Metric, MetricBatch, MetricRows, Scope

_STORED: Final = frozenset({"losses"})
"""What is kept of every example anyway."""

_NOTHING: Final = MetricRows([], [], [], np.empty(0), np.empty(0, dtype=np.int64))


@dataclass(frozen=True, slots=True)
class TaskScores:
    """Scores of one evaluation step, averaged by task.

    Attributes:
        frame: Columns `task`, `metric`, `value` (mean over the task's valid rows), `count`.
        examples: Columns `example_id`, `task`, `metric`, `value`: the valid rows about single examples, but for those
            of metrics that say no more than the losses that are kept.
        invalid: Rows without a valid score, by output.
        scopes: What each output is about.
        geometric: Outputs of which the mean over tasks is geometric.
    """

    frame: pd.DataFrame
    examples: pd.DataFrame
    invalid: dict[str, int]
    scopes: dict[str, Scope] = field(default_factory=dict)
    geometric: frozenset[str] = frozenset()

    def mean(self, output: str) -> float:
        """The mean over tasks of one output; of `loss_token` over all tokens."""
        rows = self.frame[self.frame["metric"] == output]
        if output == LOSS_TOKEN:
            return float((rows["value"] * rows["count"]).sum() / rows["count"].sum())
        return mean_over_tasks(rows["value"], "geometric" if output in self.geometric else "arithmetic")


def mean_over_tasks(values: pd.Series[float], averaging: Averaging) -> float:
    """The mean of a metric's values, each of a task, as the metric says."""
    if averaging == "arithmetic":
        return float(values.mean())
    with np.errstate(divide="ignore"):
        return float(np.exp(np.log(values).mean()))


def score_scopes(metrics: Sequence[Metric], batches: Mapping[Scope, MetricBatch]) -> TaskScores:
    """Score each metric on the batch of its scope, where there is one.

    Raises:
        ContractError: A metric yields an output it did not declare.
    """
    parts = [score([each for each in metrics if each.scope == scope], batch) for scope, batch in batches.items()]
    return TaskScores(
        pd.concat([part.frame for part in parts], ignore_index=True),
        pd.concat([part.examples for part in parts], ignore_index=True),
        {output: count for part in parts for output, count in part.invalid.items()},
        {output: scope for part in parts for output, scope in part.scopes.items()},
        frozenset().union(*(part.geometric for part in parts)),
    )


def score(metrics: Sequence[Metric], batch: MetricBatch) -> TaskScores:
    """Score a batch with every metric whose requirements the batch fulfils.

    Raises:
        ContractError: A metric yields an output it did not declare.
    """
    frames, examples = [_frame(_NOTHING)], [_example_frame(_NOTHING)]
    scoring = [metric for metric in metrics if _can_score(metric, batch)]
    for metric in scoring:
        rows = metric.score(batch)
        undeclared = sorted(set(rows.outputs) - set(metric.outputs))
        if undeclared:
            raise ContractError(f"metric {type(metric).__name__} yields {undeclared[0]!r}, which it did not declare")
        frames.append(_frame(rows))
        if not metric.requires <= _STORED:
            examples.append(_example_frame(rows))
    frame, invalid = _by_task(pd.concat(frames))
    scopes: dict[str, Scope] = {output: metric.scope for metric in scoring for output in metric.outputs}
    geometric = frozenset(output for metric in scoring if metric.averaging == "geometric" for output in metric.outputs)
    return TaskScores(frame, pd.concat(examples, ignore_index=True), invalid, scopes, geometric)


def opened(metrics: Iterable[Metric]) -> list[Metric]:
    """Open every metric; whoever calls this closes them."""
    listed = list(metrics)
    for metric in listed:
        metric.open()
    return listed


def describe_outputs(metrics: Iterable[Metric], without: Mapping[str, float] | None = None) -> dict[str, Any]:
    """Direction and scope of every output, as a cell keeps it beside its scores, and how it is averaged over tasks if
    not by the arithmetic mean; with its score `without` the affected examples, where there are any.
    """
    return {
        output: {"direction": direction, "scope": metric.scope}
        | ({} if metric.averaging == "arithmetic" else {"averaging": metric.averaging})
        | ({"without": without[output]} if without and output in without else {})
        for metric in metrics
        for output, direction in metric.outputs.items()
    }


def scores_without(
    affected: Collection[str], values: pa.Table, last_step: int, metrics: Iterable[Metric]
) -> dict[str, float]:
    """Scores on unseen tasks after the last step but for some examples; every other weighs the same in its task.

    Args:
        affected: The examples that are left out. If there are none, there is nothing to tell.
        values: The cell's `metrics.parquet`.
        last_step: When.
        metrics: The metrics that were scored.
    """
    if not affected:
        return {}
    outputs = {output: metric.averaging for metric in metrics if metric.scope == "unseen" for output in metric.outputs}
    frame = values.filter(pc.equal(values["step"], last_step)).to_pandas()
    kept = frame[frame["metric"].isin(list(outputs)) & ~frame["example_id"].isin(list(affected))]
    by_task = kept.groupby(["metric", "task"])["value"].mean()
    return {str(name): mean_over_tasks(own, outputs[name]) for name, own in by_task.groupby("metric")}


def _can_score(metric: Metric, batch: MetricBatch) -> bool:
    provided = {"losses": batch.losses, "generations": batch.generations, "model": batch.model}
    return all(provided[what] is not None for what in metric.requires)


def _frame(rows: MetricRows) -> pd.DataFrame:
    return pd.DataFrame(
        {"task": list(rows.tasks), "metric": list(rows.outputs), "value": rows.values, "count": rows.counts}
    )


def _example_frame(rows: MetricRows) -> pd.DataFrame:
    columns = {"example_id": list(rows.example_ids), "task": list(rows.tasks), "metric": list(rows.outputs)}
    frame = pd.DataFrame(columns | {"value": rows.values})
    return frame[frame["example_id"].notna() & np.isfinite(rows.values)]


def _by_task(rows: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    is_valid = np.isfinite(rows["value"].to_numpy(dtype=np.float64))
    invalid = rows["metric"][~is_valid].value_counts(sort=False)
    valid = rows[is_valid]
    weighted = valid.assign(total=valid["value"] * valid["count"])
    grouped = weighted.groupby(["task", "metric"], sort=True)[["total", "count"]].sum().reset_index()
    grouped["value"] = grouped["total"] / grouped["count"]
    frame = grouped[["task", "metric", "value", "count"]].astype({"count": "int64"})
    return frame, {str(name): int(count) for name, count in invalid.items()}
