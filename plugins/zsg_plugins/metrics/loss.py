"""The metric `loss`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from zsg_registry import ContractError, Direction, Metric, MetricBatch, MetricRows


class Loss(Metric):
    """Mean cross-entropy of the answer's tokens, end of text included: the zero-shot loss.

    `loss` weighs every example of a task alike, `loss_token` every token: its counts are tokens. An example whose
    answer did not fit has no loss: it stays NaN, and is counted apart instead of passing for 0.
    """

    outputs: ClassVar[Mapping[str, Direction]] = {"loss": "lower", "loss_token": "lower"}
    requires = frozenset({"losses"})

    def score(self, batch: MetricBatch) -> MetricRows:
        """The losses as they are, once for each average."""
        if batch.losses is None or batch.tokens is None:
            raise ContractError("the metric 'loss' requires losses, and the batch has none")
        rows = MetricRows.per_example(batch.examples, loss=batch.losses, loss_token=batch.losses)
        return replace(rows, counts=np.concatenate([np.ones_like(batch.tokens), batch.tokens]))
