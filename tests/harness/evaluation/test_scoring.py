"""What every metric promises, of all that are registered; and what the harness makes of their rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from zsg_harness.evaluation.scoring import describe_outputs, opened, score, score_scopes, scores_without
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.services.handle import Handle
from zsg_harness.store.tables import METRICS
from zsg_harness.tokens.text_form import TextForm
from zsg_plugins.metrics.exact_match import ExactMatch
from zsg_plugins.metrics.loss import Loss
from zsg_plugins.metrics.perplexity import Perplexity
from zsg_plugins.metrics.seen_loss import SeenLoss
from zsg_registry import ExampleSet, Metric, MetricBatch, Reference, Registry, required_params

BOUNDS = {"lower": (0.0, np.inf), "higher": (0.0, 100.0)}


def plain_metrics() -> list[str]:
    """The registered metrics that need no parameters: the others have tests of their own."""
    registry = Registry()
    return [
        name for name in registry.names("metric") if not required_params(registry.component("metric", Reference(name)))
    ]


@pytest.fixture(params=plain_metrics())
def metric(request: pytest.FixtureRequest) -> Iterator[Metric]:
    (made,) = opened([Registry().component("metric", Reference(request.param))()])
    assert isinstance(made, Metric)
    yield made
    made.close()


@pytest.fixture
def batch(lm: CausalLM, choices: ExampleSet) -> MetricBatch:
    """Right, almost right, wrong and empty answers; among the examples one with several and one with no references."""
    examples = list(choices)
    examples[0] = replace(examples[0], references=("other", "one more"))
    examples[1] = replace(examples[1], references=())
    answers = [
        ["", "wrong", f"{each.completion}, or so", each.completion or ""][n % 4] for n, each in enumerate(examples)
    ]
    losses = np.linspace(0.1, 4, len(examples))
    losses[7] = np.nan
    tokens = np.arange(1, len(examples) + 1)
    return MetricBatch(ExampleSet.from_examples(examples), losses, tokens, answers, Handle(lm, TextForm()))


def part(batch: MetricBatch, rows: np.ndarray) -> MetricBatch:
    assert batch.losses is not None
    assert batch.tokens is not None
    assert batch.generations is not None
    answers = [batch.generations[row] for row in rows]
    return MetricBatch(batch.examples.take(rows), batch.losses[rows], batch.tokens[rows], answers, batch.model)


def by_name(metric: Metric, batch: MetricBatch) -> Mapping[tuple[str, str | None, str], float]:
    rows = metric.score(batch)
    return dict(zip(zip(rows.tasks, rows.example_ids, rows.outputs, strict=True), rows.values, strict=True))


def test_a_score_depends_on_its_own_example_or_task_alone(metric: Metric, batch: MetricBatch) -> None:
    whole = by_name(metric, batch)
    assert {output for _, _, output in whole} == set(metric.outputs)
    shuffled = by_name(metric, part(batch, np.random.default_rng(0).permutation(len(batch.examples))))
    assert shuffled == pytest.approx(whole, abs=1e-9, nan_ok=True)
    for task in ("task-0", "task-2"):
        own = by_name(metric, part(batch, np.flatnonzero(batch.examples["task"] == task)))
        assert own == pytest.approx({key: whole[key] for key in whole if key[0] == task}, abs=1e-9, nan_ok=True)
    assert not by_name(metric, part(batch, np.arange(0)))


def test_scores_are_within_their_bounds_and_directions_are_true(metric: Metric, batch: MetricBatch) -> None:
    frame = score([metric], batch).frame
    for output, direction in metric.outputs.items():
        low, high = BOUNDS[direction]
        found = frame.loc[frame["metric"] == output, "value"]
        assert found.between(low, high).all()
        assert np.isfinite(found).all()
    if "generations" in metric.requires:
        right = [batch.reference_lists()[row][-1] for row in range(len(batch.examples))]
        latin = [row for row, text in enumerate(right) if text.isascii()]
        best = part(replace(batch, generations=right), np.array(latin))
        assert set(score([metric], best).frame["value"]) == {100.0}


def test_each_metric_scores_the_batch_of_its_scope(batch: MetricBatch) -> None:
    seen = part(batch, np.arange(3))
    scores = score_scopes([Loss(), ExactMatch(), SeenLoss()], {"unseen": batch, "seen": seen})
    assert scores.scopes == {"loss": "unseen", "loss_token": "unseen", "exact_match": "unseen", "seen_loss": "seen"}
    assert scores.mean("seen_loss") == pytest.approx(np.mean(seen.losses))
    assert scores.frame.loc[scores.frame["metric"] == "seen_loss", "count"].sum() == 3
    assert scores.invalid == {"loss": 1, "loss_token": 1}
    # Values of single examples are kept, but for losses, which are kept anyway.
    assert set(scores.examples["metric"]) == {"exact_match"}
    assert scores.examples["example_id"].tolist() == batch.examples.ids


def test_scores_without_some_examples_are_means_over_what_is_left_of_each_task() -> None:
    rows = [
        (step, example, task, metric, value)
        for step, more in ((0, 0.0), (5, 50.0))
        for example, task, value in (("a1", "a", 1.0), ("a2", "a", 2.0), ("a3", "a", 4.0), ("b1", "b", 9.0))
        for metric, value in (("exact_match", value + more), ("seen_loss", value))
    ]
    columns = dict(zip(METRICS.names, map(list, zip(*rows, strict=True)), strict=True))
    values, metrics = pa.table(columns, METRICS), [ExactMatch(), SeenLoss()]
    assert scores_without({"a1"}, values, 5, metrics) == {"exact_match": pytest.approx((53 + 59) / 2)}
    assert scores_without({"a1", "b1"}, values, 5, metrics) == {"exact_match": pytest.approx(53)}
    assert scores_without({"a1"}, values, 6, metrics) == scores_without(set(), values, 5, metrics) == {}


def test_perplexities_are_averaged_as_losses_are(batch: MetricBatch) -> None:
    scores = score([Perplexity(), Loss()], batch)
    by_task = scores.frame[scores.frame["metric"] == "loss_token"]["value"]
    assert scores.mean("perplexity") == pytest.approx(np.exp(by_task.mean()))
    assert describe_outputs([Perplexity(), Loss()]) == {
        "perplexity": {"direction": "lower", "scope": "unseen", "averaging": "geometric"},
        "loss": {"direction": "lower", "scope": "unseen"},
        "loss_token": {"direction": "lower", "scope": "unseen"},
    }
