"""The metric `seen-loss`: what fine-tuning does to tasks it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from zsg_registry import ContractError, Direction, Metric, MetricBatch, MetricRows


class SeenLoss(Metric):
    """Mean cross-entropy of the answers to held-out examples of seen tasks: learning, forgetting, off-target harm.

    The same loss as `loss`, on the `probe_per_task` examples of each seen task that `[data]` holds out of the pool;
    without them there is nothing to score. It never enters a figure about unseen tasks.
    """

    outputs: ClassVar[Mapping[str, Direction]] = {"seen_loss": "lower"}
    requires = frozenset({"losses"})
    scope = "seen"

    def score(self, batch: MetricBatch) -> MetricRows:
        """The losses as they are; NaN where an answer did not fit."""
        if batch.losses is None:
            raise ContractError("the metric 'seen-loss' requires losses, and the batch has none")
        return MetricRows.per_example(batch.examples, seen_loss=batch.losses)
