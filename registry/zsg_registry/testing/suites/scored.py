"""What a suite gives a metric to score, and what the metric makes of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zsg_registry.examples import Example, ExampleSet
from zsg_registry.metric import Direction, Metric, MetricBatch, MetricRows
from zsg_registry.testing.model import tiny_model

_TOLERANCE: Final = 1e-5
WRONG: Final = "Qwzx jvkp"
"""An answer that nothing accepts."""

Key = tuple[str | None, str, str]
"""What a value is of: an example or None, a task, an output."""


class Scored(NamedTuple):
    """Examples with what a model made of them, for a metric to score."""

    examples: tuple[Example, ...]
    losses: NDArray[np.float64]
    tokens: NDArray[np.int64]
    generations: tuple[str, ...]

    def take(self, positions: Sequence[int]) -> Scored:
        """Some of them."""
        at = np.array(positions)
        chosen = [self.examples[p] for p in positions], [self.generations[p] for p in positions]
        return Scored(tuple(chosen[0]), self.losses[at], self.tokens[at], tuple(chosen[1]))

    def batch(self, requires: frozenset[str]) -> MetricBatch:
        """With what is required, and nothing else."""
        return MetricBatch(
            ExampleSet.from_examples(self.examples),
            losses=self.losses if "losses" in requires else None,
            tokens=self.tokens if "losses" in requires else None,
            generations=list(self.generations) if "generations" in requires else None,
            model=tiny_model() if "model" in requires else None,
        )


@contextmanager
def opened(component: Metric) -> Iterator[None]:
    """As the harness uses it."""
    component.check()
    component.open()
    try:
        yield
    finally:
        component.close()


def rows_of(component: Metric, scored: Scored) -> MetricRows:
    """What a metric returns for answers."""
    with opened(component):
        return component.score(scored.batch(component.requires))


def outputs_of(component: Metric) -> Mapping[str, Direction]:
    """Its outputs and which way they are better, as they are once it is open."""
    with opened(component):
        return dict(component.outputs)


def keys_of(rows: MetricRows) -> list[Key]:
    """What each row is of."""
    return list(zip(rows.example_ids, rows.tasks, rows.outputs, strict=True))


def values_of(rows: MetricRows) -> dict[Key, float]:
    """The value of each row, by what it is of."""
    return dict(zip(keys_of(rows), map(float, rows.values), strict=True))


def scores(component: Metric, scored: Scored) -> dict[Key, float]:
    """What a metric makes of answers, by what each value is of."""
    return values_of(rows_of(component, scored))


def what_differs(one: Mapping[Key, float], other: Mapping[Key, float], *, tolerance: float = _TOLERANCE) -> str | None:
    """What has another value, or none, in the second; in words."""
    for key in [*one, *(key for key in other if key not in one)]:
        if not np.allclose(
            one.get(key, np.nan), other.get(key, np.nan), rtol=tolerance, atol=tolerance, equal_nan=True
        ):
            return f"task {key[1]!r}" if key[0] is None else f"example {key[0]!r}"
    return None


def mean_of(values: Mapping[Key, float], output: str) -> float:
    """The mean of one output over all that has a value; NaN where nothing has."""
    own = [value for key, value in values.items() if key[2] == output and np.isfinite(value)]
    return float(np.mean(own)) if own else np.nan


def is_better(one: float, other: float, direction: Direction) -> bool:
    """Whether a value is better than another by more than rounding; NaN is not."""
    return bool((other - one if direction == "lower" else one - other) > _TOLERANCE * max(1.0, abs(other)))


def weights_of(batch: MetricBatch) -> list[Any]:
    """The model's weights and mode."""
    if batch.model is None:
        return []
    model = batch.model.model
    return [model.training, *(weight.detach().numpy().tobytes() for weight in model.state_dict().values())]


def assorted() -> Scored:
    """Answers of all kinds, of three tasks."""
    answers = ["yes", "no", "forty two", "a red fox", "Paris", "the lazy dog sleeps"]
    given = [
        ("yes", 0), ("no.", 1), ("", 2), ("a red fox jumps", 3), ("Paris is in France", 4), ("a dog", 5),
        ("YES", 0), (WRONG, 1), ("forty", 2), ("fox red a", 3), ("paris", 4), ("the lazy dog sleeps", 5),
    ]  # fmt: skip
    examples = tuple(
        Example(
            id=f"example-{n}",
            task=f"task-{n % 3}",
            source="source",
            side="unseen",
            prompt=f"Question {n} about {answers[place]}?",
            completion=answers[place],
            references=(answers[place], "indeed") if n % 2 else None,
            choices=tuple(answers[place:] + answers[:place])[:4],
        )
        for n, (_, place) in enumerate(given)
    )
    losses = np.linspace(0.5, 2.5, len(given))
    return Scored(examples, losses, np.arange(1, len(given) + 1), tuple(text for text, _ in given))
