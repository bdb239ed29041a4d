"""Adding a metric to finished cells: from their stored losses and answers, without a model."""

from __future__ import annotations

import fnmatch

import pandas as pd
import pyarrow as pa

from zsg_harness.contamination.account import affected_ids
from zsg_harness.evaluation.scoring import describe_outputs, opened, score, scores_without
from zsg_harness.identity import identity
from zsg_harness.matrix.expand import Choice
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.store import Store
from zsg_harness.store.tables import METRICS, SCORES
from zsg_registry import ExampleSet, Metric, MetricBatch, ZsgError


def known_outputs(store: Store, cell_id: str) -> set[str] | None:
    """The metric outputs that a committed cell has scores of; None of one that is not committed."""
    attempt = store.committed(cell_id)
    if attempt is None:
        return None
    files = [name.removesuffix(".json") for name in attempt.names() if fnmatch.fnmatchcase(name, "metrics*.json")]
    return {output for name in files for output in attempt.read_json(name)}


def can_be_added(metric: Metric) -> bool:
    """Whether a metric can score what finished cells have kept."""
    return "model" not in metric.requires and metric.scope != "external"


def missing_outputs(store: Store, cell_id: str, metric: Metric) -> bool:
    """Whether a committed cell has no scores of a metric yet."""
    known = known_outputs(store, cell_id)
    return known is not None and not set(metric.outputs) <= known


def rescore(store: Store, cell_id: str, choice: Choice) -> None:
    """Score a committed cell with one more metric; trains nothing.

    Writes `scores.<metric>.parquet` and `metrics.<metric>.json` beside the cell's own, and `metrics.<metric>.parquet`
    where the metric has something to say of single examples.

    Raises:
        ZsgError: The metric needs the model, or the cell kept nothing that it could score.
    """
    metric = choice.components[0]
    assert isinstance(metric, Metric)
    if not can_be_added(metric):
        raise ZsgError(f"metric {choice.label!r} needs the model: it can only be scored while a cell runs")
    attempt = store.committed(cell_id)
    if attempt is None:
        raise ZsgError(f"cell {cell_id} is not in the store {store.url}, or not finished")
    if metric.scope == "seen" and "probe.parquet" not in attempt.names():
        reason = "data.probe_per_task is 0, so it kept no losses on seen tasks"
        raise ZsgError(f"cell {cell_id}: {reason}: metric {choice.label!r} cannot be added to it")
    frames, examples = _score_steps(store, attempt, metric)
    if not frames:
        raise ZsgError(f"cell {cell_id} kept no generations: metric {choice.label!r} cannot be added to it")
    suffix = choice.pipeline.head.name if not choice.pipeline.head.params else identity(choice.identity[0])
    table = pa.Table.from_pandas(pd.concat(frames), SCORES, preserve_index=False)
    # The scores count when metrics.<metric>.json is there: what an earlier version of the metric left must not.
    store.files.remove(f"{attempt.key}/metrics.{suffix}.json")
    attempt.write_table(f"scores.{suffix}", table)
    without: dict[str, float] = {}
    if any(map(len, examples)):
        values = pa.Table.from_pandas(pd.concat(examples), METRICS, preserve_index=False)
        attempt.write_table(f"metrics.{suffix}", values)
        without = scores_without(_affected(attempt), values, attempt.read_json("status")["steps"], [metric])
    attempt.write_json(f"metrics.{suffix}", describe_outputs([metric], without))


def _affected(attempt: Attempt) -> set[str]:
    """The scored examples that the pool has too; none in a cell from before the guard."""
    told = attempt.read_json("status").get("contamination")
    return affected_ids(attempt.read_table("contamination"), told["dropped"]) if told else set()


def _score_steps(store: Store, attempt: Attempt, metric: Metric) -> tuple[list[pd.DataFrame], list[pd.DataFrame]]:
    """The scores of each step, and those of single examples."""
    table, named = ("probe", "probeset") if metric.scope == "seen" else ("examples", "evalset")
    examples = ExampleSet(store.read_eval_set(attempt.read_json("status")[named]))
    stored = attempt.read_table(table).to_pandas()
    scores = attempt.read_table("scores").to_pandas()
    tokens = scores.groupby("step")["tokens"].first()
    frames: list[pd.DataFrame] = []
    values: list[pd.DataFrame] = []
    (metric,) = opened([metric])
    try:
        for step, rows in stored.groupby("step", sort=True):
            answers = None if rows["prediction"].isna().any() else rows["prediction"].tolist()
            batch = MetricBatch(examples, rows["loss"].to_numpy(), rows["tokens"].to_numpy(), answers)
            scored = score([metric], batch)
            if len(scored.frame):
                frames.append(scored.frame.assign(step=step, tokens=tokens[step]))
                values.append(scored.examples.assign(step=step))
    finally:
        metric.close()
    return frames, values
