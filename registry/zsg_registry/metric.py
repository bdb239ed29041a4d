"""Metrics: what a trained model is scored by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from zsg_registry.components import Component
from zsg_registry.context import ModelHandle
from zsg_registry.errors import ContractError
from zsg_registry.examples import ExampleSet

Direction = Literal["lower", "higher"]
Requirement = Literal["losses", "generations", "model"]
Scope = Literal["unseen", "seen", "external"]
Averaging = Literal["arithmetic", "geometric"]


@dataclass(frozen=True, slots=True, eq=False)
class MetricBatch:
    """All scored examples of one evaluation step, with what the metric requires of the model.

    Attributes:
        examples: n examples, with references: those of the metric's scope.
        losses: float64 `[n]`, the mean token loss of each answer in float32 arithmetic (`requires` "losses").
        tokens: int64 `[n]`, the answer's tokens behind each loss.
        generations: n generated texts (`requires` "generations").
        model: The model itself (`requires` "model"), which must be left as it was.
    """

    examples: ExampleSet
    losses: NDArray[np.float64] | None = None
    tokens: NDArray[np.int64] | None = None
    generations: Sequence[str] | None = None
    model: ModelHandle | None = None

    def reference_lists(self) -> list[tuple[str, ...]]:
        """The acceptable answers of each example: its `references`, else its completion alone."""
        pairs = zip(self.examples["references"], self.examples.texts("completion"), strict=True)
        return [tuple(references) if references else (completion,) for references, completion in pairs]


@dataclass(frozen=True, slots=True, eq=False)
class MetricRows:
    """Scores, one a row; every field has one value per row.

    Attributes:
        example_ids: The scored example, or None for a row that is about a whole task.
        tasks: The task (for external scores: the benchmark's own).
        outputs: Which of the metric's `outputs` the value is of.
        values: float64 `[r]`.
        counts: int64 `[r]`, how many examples (or, where tokens weigh alike, tokens) are behind each value.
    """

    example_ids: Sequence[str | None]
    tasks: Sequence[str]
    outputs: Sequence[str]
    values: NDArray[np.float64]
    counts: NDArray[np.int64]

    def __post_init__(self) -> None:
        lengths = {
            len(self.example_ids),
            len(self.tasks),
            len(self.outputs),
            len(self.values),
            len(self.counts),
        }
        if len(lengths) != 1:
            raise ContractError(f"the fields of MetricRows have different lengths: {sorted(lengths)}")

    @classmethod
    def per_example(cls, examples: ExampleSet, **outputs: Sequence[float] | NDArray[np.floating[Any]]) -> MetricRows:
        """Rows from one value per example and output; a NaN says that the example has no valid score."""
        n, names = len(examples), list(outputs)
        tasks = [task or "" for task in examples["task"]]
        return cls(
            example_ids=examples.ids * len(names),
            tasks=tasks * len(names),
            outputs=[name for name in names for _ in range(n)],
            values=np.concatenate([np.asarray(outputs[name], dtype=np.float64) for name in names]),
            counts=np.ones(n * len(names), dtype=np.int64),
        )


class Metric(Component, ABC):
    """Scores batches of examples.

    Attributes:
        requires: What the harness must provide. A metric that does not require the model also runs on stored losses
            and generations, so that adding it to finished cells trains nothing.
        scope: "unseen" scores the evaluation examples of unseen tasks, "seen" held-out examples of seen tasks,
            "external" something of its own that never enters the averages over unseen tasks, at the steps at which
            answers are generated.
        averaging: How its values are averaged over tasks; "geometric" is the exponential of their mean logarithm, for
            values that multiply.
    """

    kind = "metric"
    requires: ClassVar[frozenset[Requirement]] = frozenset()
    scope: ClassVar[Scope] = "unseen"
    averaging: ClassVar[Averaging] = "arithmetic"

    @property
    @abstractmethod
    def outputs(self) -> Mapping[str, Direction]:
        """The names it yields and which direction is better. Where these are known only once something is loaded, there
        are none before `open`.
        """

    def check(self) -> None:
        """Called once before any cell begins: find what is wrong with the parameters, and load nothing heavy.

        Raises:
            ZsgError: The parameters name something that is not there.
        """
        return

    def open(self) -> None:
        """Called once before the first batch: load what is heavy here."""
        return

    @abstractmethod
    def score(self, batch: MetricBatch) -> MetricRows:
        """Score a batch. An example's score must not depend on what else is in the batch, and a task's only on its own
        examples.
        """

    def close(self) -> None:
        """Called once after the last batch, whatever happened."""
        return
