"""What a cell leaves behind, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from zsg_harness.cells.evaluation import Evaluation
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.tables import EXAMPLES, METRICS, SCORES, TRAIN
from zsg_harness.training.loop import StepRecord
from zsg_registry import MetricBatch, Order, OrderFile, ZsgError

_SCHEMAS: Final = {"train": TRAIN, "scores": SCORES, "examples": EXAMPLES, "probe": EXAMPLES, "metrics": METRICS}
_UNLESS_EMPTY: Final = ("probe", "metrics")
_MOST_VALUES: Final = 1_000_000
"""Rows of `metrics`; beyond, the oldest steps are dropped."""


def write_order(
    attempt: Attempt, order: Order, pool_ids: Sequence[str], batch_size: int, document: Mapping[str, Any]
) -> dict[str, str]:
    """Write `order.parquet`; returns the order's hashes."""
    file = OrderFile.of(order, pool_ids, batch_size, document)
    attempt.write_table("order", file.to_arrow())
    return {name: file.document[name] for name in ("set_hash", "order_hash")}


class Records:
    """A cell's measurements. They are plain tables at any time, so that a checkpoint can keep them."""

    def __init__(self, pool_ids: Sequence[str]) -> None:
        self._pool_ids = pool_ids
        self._parts: dict[str, list[pa.Table]] = {name: [schema.empty_table()] for name, schema in _SCHEMAS.items()}
        self._receipt: list[NDArray[np.int64]] = []

    def trained(self, update: StepRecord, planned: NDArray[np.int64], seconds: float) -> None:
        """Keep what an optimizer step did.

        Raises:
            ZsgError: What it consumed is not what was planned.
        """
        if not np.array_equal(np.sort(update.consumed), np.sort(planned)):
            raise ZsgError(
                f"the receipt differs from the plan: step {update.step} consumed other examples than its own"
            )
        self._receipt.append(planned)
        row = {
            "step": update.step,
            "loss": update.loss,
            "lr": update.learning_rate,
            "grad_norm": update.gradient_norm,
            "tokens": update.tokens,
            "seconds": seconds,
        }
        self._parts["train"].append(pa.Table.from_pylist([row], TRAIN))

    def evaluated(self, step: int, tokens: int, evaluation: Evaluation) -> None:
        """Keep the scores of a step."""
        scored, batches = evaluation.scores, evaluation.batches
        self._add("scores", scored.frame.assign(step=step, tokens=tokens))
        self._add("examples", _example_frame(batches["unseen"]).assign(step=step))
        if "seen" in batches:
            self._add("probe", _example_frame(batches["seen"]).assign(step=step))
        self._add("metrics", scored.examples.assign(step=step))
        values = self._parts["metrics"]
        while sum(map(len, values)) > _MOST_VALUES and len(values) > 1:
            values.pop(0)

    @property
    def tables(self) -> dict[str, pa.Table]:
        """Everything so far: `train`, `scores`, `examples`, `receipt`; `probe` and `metrics` where they have rows."""
        tables = {name: pa.concat_tables(parts) for name, parts in self._parts.items()}
        there = {name: table for name, table in tables.items() if len(table) or name not in _UNLESS_EMPTY}
        return there | {"receipt": self._receipts()}

    def resume(self, tables: Mapping[str, pa.Table], planned: Sequence[NDArray[np.int64]]) -> None:
        """Go on from earlier `tables`.

        Args:
            tables: As they were.
            planned: The rows of each of the steps they are about.

        Raises:
            ZsgError: Their receipt is not of these rows.
        """
        self._parts = {
            name: [tables[name]] if name in tables else [none.empty_table()] for name, none in _SCHEMAS.items()
        }
        self._receipt = list(planned)
        if not self._receipts().equals(tables["receipt"]):
            raise ZsgError("the receipt differs from the plan: a checkpoint is of other steps than these")

    @property
    def tokens(self) -> int:
        """Training tokens so far, without padding."""
        return sum(sum(part["tokens"].to_pylist()) for part in self._parts["train"])

    def _add(self, name: str, frame: pd.DataFrame) -> None:
        self._parts[name].append(pa.Table.from_pandas(frame, _SCHEMAS[name], preserve_index=False))

    def _receipts(self) -> pa.Table:
        """What the model consumed, step by step, in the order of the plan."""
        rows = np.concatenate([np.empty(0, dtype=np.int64), *self._receipt])
        steps = np.repeat(np.arange(1, len(self._receipt) + 1), [len(step) for step in self._receipt])
        columns = {
            "step": pa.array(steps, pa.int32()),
            "position": pa.array(np.arange(len(rows)), pa.int64()),
            "example_id": pa.array([self._pool_ids[row] for row in rows], pa.string()),
        }
        return pa.table(columns)


def _example_frame(batch: MetricBatch) -> pd.DataFrame:
    """A line for each example of a batch."""
    frame = pd.DataFrame({"example_id": batch.examples.ids, "task": [task or "" for task in batch.examples["task"]]})
    answers = None if batch.generations is None else list(batch.generations)
    return frame.assign(loss=batch.losses, tokens=batch.tokens, prediction=answers)
