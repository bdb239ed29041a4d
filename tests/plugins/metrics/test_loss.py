"""Metrics of losses: an invalid one passes for nothing else, and a perplexity is that of all tokens of its task."""

from __future__ import annotations

import numpy as np
import pytest

from zsg_plugins.metrics.loss import Loss
from zsg_plugins.metrics.perplexity import Perplexity
from zsg_plugins.metrics.seen_loss import SeenLoss
from zsg_registry import ContractError, Example, ExampleSet, Metric, MetricBatch


def batch(losses: list[float], tokens: list[int], tasks: str) -> MetricBatch:
    examples = [Example(str(n), task, prompt="p", completion="c") for n, task in enumerate(tasks)]
    return MetricBatch(ExampleSet.from_examples(examples), losses=np.array(losses), tokens=np.array(tokens))


def test_losses_are_rows_and_nan_stays_nan() -> None:
    losses = [0.5, np.nan, 2.0]
    rows = Loss().score(batch(losses, [3, 0, 4], "ttt"))

    np.testing.assert_array_equal(rows.values, [*losses, *losses])
    assert list(rows.outputs) == ["loss"] * 3 + ["loss_token"] * 3
    assert list(rows.counts) == [1, 1, 1, 3, 0, 4]
    assert list(rows.example_ids) == ["0", "1", "2"] * 2
    assert list(rows.tasks) == ["t"] * 6


def test_seen_losses_are_rows() -> None:
    rows = SeenLoss().score(batch([0.5, np.nan], [3, 0], "ab"))

    np.testing.assert_array_equal(rows.values, [0.5, np.nan])
    assert list(rows.outputs) == ["seen_loss"] * 2
    assert SeenLoss.scope == "seen"


def test_perplexity_is_of_all_tokens_of_a_task() -> None:
    rows = Perplexity().score(batch([1.0, 3.0, np.nan, 2.0, np.nan], [3, 1, 0, 5, 0], "aaabc"))

    assert list(rows.tasks) == ["a", "b"]  # c has no valid loss
    assert rows.values == pytest.approx([np.exp((3 * 1.0 + 1 * 3.0) / 4), np.exp(2.0)])
    assert list(rows.counts) == [4, 5]
    assert set(rows.example_ids) == {None}


@pytest.mark.parametrize("metric", [Loss(), Perplexity(), SeenLoss()])
def test_losses_are_required(metric: Metric) -> None:
    assert metric.requires == {"losses"}
    with pytest.raises(ContractError, match="requires losses, and the batch has none"):
        metric.score(MetricBatch(ExampleSet.from_examples([])))
