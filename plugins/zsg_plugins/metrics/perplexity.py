"""The metric `perplexity`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from zsg_registry import ContractError, Direction, Metric, MetricBatch, MetricRows


class Perplexity(Metric):
    """The exponential of the mean loss over all answer tokens of a task.

    Every token of a task weighs alike, end of text included, so a value is about a whole task; an example whose answer
    did not fit has no part in it. Over tasks the mean is geometric, the exponential of the mean of the tasks' token
    losses: an arithmetic one would be that of the worst task. What a token is depends on the tokenizer, so perplexities
    of models with different tokenizers do not compare.
    """

    outputs: ClassVar[Mapping[str, Direction]] = {"perplexity": "lower"}
    requires = frozenset({"losses"})
    averaging = "geometric"

    def score(self, batch: MetricBatch) -> MetricRows:
        """One value for each task with a valid loss; its count is the task's tokens."""
        if batch.losses is None or batch.tokens is None:
            raise ContractError("the metric 'perplexity' requires losses, and the batch has none")
        codes, tasks = batch.examples.codes("task")
        is_valid = np.isfinite(batch.losses)
        weights = np.where(is_valid, batch.tokens, 0)
        sums = np.bincount(codes, np.where(is_valid, batch.losses, 0.0) * weights, minlength=len(tasks))
        tokens = np.bincount(codes, weights, minlength=len(tasks)).astype(np.int64)
        scored = np.flatnonzero(tokens)
        with np.errstate(over="ignore"):  # a loss beyond 709 has no perplexity that a number could hold
            values = np.exp(sums[scored] / tokens[scored])
        names = [tasks[code] for code in scored]
        return MetricRows([None] * len(names), names, ["perplexity"] * len(names), values, tokens[scored])
