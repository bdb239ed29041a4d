"""The metric `loss`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from zsg_registry import ContractError, Direction, Metric, MetricBatch, MetricRows


class Loss(Metric):
    """Mean cross-entropy of the answer's tokens, end of text included: the zero-shot loss.

    An example whose answer did not fit has no loss: it stays NaN, and is counted apart instead of passing for 0.
    """

    outputs: ClassVar[Mapping[str, Direction]] = {"loss": "lower"}
    requires = frozenset({"losses"})

    def score(self, batch: MetricBatch) -> MetricRows:
        """The losses as they are."""
        if batch.losses is None:
            raise ContractError("the metric 'loss' requires losses, and the batch has none")
        return MetricRows.per_example(batch.examples, loss=batch.losses)
