"""The loss is handed through, an invalid one as NaN."""

from __future__ import annotations

import numpy as np
import pytest

from zsg_plugins.metrics.loss import Loss
from zsg_registry import ContractError, Example, ExampleSet, MetricBatch


def test_losses_are_rows_and_nan_stays_nan() -> None:
    examples = ExampleSet.from_examples([Example(str(n), "t", prompt="p", completion="c") for n in range(3)])
    losses = np.array([0.5, np.nan, 2.0])

    rows = Loss().score(MetricBatch(examples, losses=losses, tokens=np.array([3, 0, 4])))

    np.testing.assert_array_equal(rows.values, [*losses, *losses])
    assert list(rows.outputs) == ["loss"] * 3 + ["loss_token"] * 3
    assert list(rows.counts) == [1, 1, 1, 3, 0, 4]
    assert list(rows.example_ids) == ["0", "1", "2"] * 2
    assert list(rows.tasks) == ["t"] * 6


def test_losses_are_required() -> None:
    assert Loss.requires == {"losses"}
    with pytest.raises(ContractError, match="the metric 'loss' requires losses, and the batch has none"):
        Loss().score(MetricBatch(ExampleSet.from_examples([])))
