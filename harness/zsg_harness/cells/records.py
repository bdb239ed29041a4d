"""What a cell leaves behind, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from zsg_harness.evaluation.scoring import TaskScores
from zsg_harness.store.store import Attempt
from zsg_harness.store.tables import EXAMPLES, SCORES
from zsg_harness.training.loop import StepRecord
from zsg_registry import ExampleSet, MetricBatch, Order, OrderFile, ZsgError


def write_order(
    attempt: Attempt, order: Order, pool_ids: Sequence[str], batch_size: int, document: Mapping[str, Any]
) -> dict[str, str]:
    """Write `order.parquet`; returns the order's hashes."""
    file = OrderFile.of(order, pool_ids, batch_size, document)
    attempt.write_table("order", file.to_arrow())
    return {name: file.document[name] for name in ("set_hash", "order_hash")}


class Records:
    """Collects a cell's measurements, and writes them when it is through."""

    def __init__(self, attempt: Attempt, eval_set: ExampleSet) -> None:
        self._attempt = attempt
        self._ids = eval_set.ids
        self._tasks = [task or "" for task in eval_set["task"]]
        self._updates: list[tuple[StepRecord, float]] = []
        self._scores: list[pd.DataFrame] = []
        self._examples: list[pd.DataFrame] = []

    def trained(self, update: StepRecord, seconds: float) -> None:
        """Keep what an optimizer step did."""
        self._updates.append((update, seconds))

    def evaluated(self, step: int, tokens: int, batch: MetricBatch, scored: TaskScores) -> None:
        """Keep the scores of a step."""
        self._scores.append(scored.frame.assign(step=step, tokens=tokens))
        frame = pd.DataFrame({"example_id": self._ids, "task": self._tasks, "loss": batch.losses})
        frame["tokens"] = batch.tokens
        frame["prediction"] = None if batch.generations is None else list(batch.generations)
        self._examples.append(frame.assign(step=step))

    def write(self, order: Order, pool_ids: Sequence[str], planned: Sequence[NDArray[np.int64]]) -> None:
        """Write every table.

        Raises:
            ZsgError: What was consumed is not what was planned.
        """
        self._attempt.write_table("receipt", self._receipt(pool_ids, planned))
        self._attempt.write_table("train", self._train())
        scores = pd.concat(self._scores)
        self._attempt.write_table("scores", pa.Table.from_pandas(scores, SCORES, preserve_index=False))
        examples = pd.concat(self._examples)
        self._attempt.write_table("examples", pa.Table.from_pandas(examples, EXAMPLES, preserve_index=False))

    def _receipt(self, pool_ids: Sequence[str], planned: Sequence[NDArray[np.int64]]) -> pa.Table:
        """What the model really consumed, step by step, in the order of the plan."""
        consumed = [update.consumed for update, _ in self._updates]
        same = len(consumed) == len(planned) and all(
            np.array_equal(np.sort(real), np.sort(plan)) for real, plan in zip(consumed, planned, strict=True)
        )
        if not same:
            raise ZsgError("the receipt differs from the plan: a step consumed other examples than its slice")
        sizes = [len(rows) for rows in planned]
        rows = np.concatenate(planned)
        columns = {
            "step": pa.array(np.repeat(np.arange(1, len(planned) + 1), sizes), pa.int32()),
            "position": pa.array(np.arange(len(rows)), pa.int64()),
            "example_id": pa.array([pool_ids[i] for i in rows], pa.string()),
        }
        return pa.table(columns)

    def _train(self) -> pa.Table:
        updates = [update for update, _ in self._updates]
        columns = {
            "step": pa.array([update.step for update in updates], pa.int32()),
            "loss": pa.array([update.loss for update in updates], pa.float64()),
            "lr": pa.array([update.learning_rate for update in updates], pa.float64()),
            "grad_norm": pa.array([update.gradient_norm for update in updates], pa.float64()),
            "tokens": pa.array([update.tokens for update in updates], pa.int64()),
            "seconds": pa.array([seconds for _, seconds in self._updates], pa.float64()),
        }
        return pa.table(columns)
