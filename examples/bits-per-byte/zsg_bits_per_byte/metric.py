"""The metric: how many bits a byte of the answer costs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from zsg_bits_per_byte import OUTPUT
from zsg_registry import ContractError, Direction, Metric, MetricBatch, MetricRows


class BitsPerByte(Metric):
    """Bits that the model needs for a byte of the answer: a loss that compares between tokenizers.

    The loss of an answer, summed over its tokens (end of text included) and in bits, over its length in UTF-8. An
    answer without a byte or without a valid loss has none. Dialogues have none either: their loss may be of several
    answers.
    """

    api_version = 1
    revision = 1
    examples = ("bits-per-byte",)
    outputs: ClassVar[Mapping[str, Direction]] = {OUTPUT: "lower"}
    requires = frozenset({"losses"})

    def score(self, batch: MetricBatch) -> MetricRows:
        """One value for each example."""
        if batch.losses is None or batch.tokens is None:
            raise ContractError("the metric 'bits-per-byte' requires losses, and the batch has none")
        answers = batch.examples.texts("completion")
        sizes = np.array([len(answer.encode()) for answer in answers], dtype=np.float64)
        sizes[[example.messages is not None for example in batch.examples]] = np.nan
        sizes[sizes == 0] = np.nan
        bits = batch.losses * batch.tokens / np.log(2)
        return MetricRows.per_example(batch.examples, **{OUTPUT: bits / sizes})
