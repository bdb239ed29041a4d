"""What a cell takes in tokens, seconds and bytes, from the rates of cells like it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from zsg_harness.evaluation.steps import evaluation_steps, generation_steps
from zsg_harness.identity import identity
from zsg_harness.matrix.schema import TokenBudget
from zsg_harness.plan.cell import Cell, Labels

_FREE: Final = (
    "learning_rate", "schedule", "final_rate", "warmup", "weight_decay", "betas", "epsilon", "clip", "epochs",
)  # fmt: skip
"""Training settings that change no speed, or are reckoned with."""


def kind_of(spec: Mapping[str, Any]) -> str:
    """What cells have in common that are equally fast: model, data, what is scored, and how training goes."""
    shared = spec["shared"]
    training = {name: value for name, value in shared["training"].items() if name not in _FREE}
    parts = {name: shared[name] for name in ("dataset", "pool", "eval", "model")}
    return identity({**parts, "training": training, "generate": spec["evaluation"]["generate"]})


@dataclass(frozen=True, slots=True)
class Rates:
    """How fast cells of a kind are, and how large.

    Attributes:
        basis: What this was measured on, in words.
        cells: How many finished cells that is.
        pool: Examples there are to train on.
        tokens_per_example: Of training.
        seconds_per_token: Of training.
        seconds_per_evaluation: Of one of the steps at which a model is scored.
        seconds_per_generation: Of one at which it generates answers, where that was timed by itself.
        seconds_besides: Of everything else: loading, arranging, writing.
        used: The share of the budget that is trained on, where it was told.
        bytes_besides, bytes_per_example, bytes_per_evaluation: Of a cell's files, but for a saved model; None where
            none was written.
        bytes_of_model: Of a saved model.
    """

    basis: str
    cells: int
    pool: int
    tokens_per_example: float
    seconds_per_token: float
    seconds_per_evaluation: float
    seconds_besides: float
    seconds_per_generation: float = 0.0
    used: float = 1.0
    bytes_besides: float | None = None
    bytes_per_example: float = 0.0
    bytes_per_evaluation: float = 0.0
    bytes_of_model: float = 0.0


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a cell will take.

    Attributes:
        examples: Trained on, every epoch counted.
        tokens: Of these, without padding.
        seconds: Until it is done, from its checkpoint if it has one.
        bytes: Of its files; None if it is not known.
        basis: What this comes from.
        cells: How many finished cells that is.
    """

    examples: int
    tokens: int
    seconds: float
    bytes: int | None
    basis: str
    cells: int


@dataclass(slots=True)
class Estimator:
    """Estimates for the cells of a plan, by the rates of cells of the same arrangement, or else of the same kind.

    Attributes:
        of_arrangements: Rates by kind, arrangement and embedder.
        of_kinds: Rates by kind.
    """

    of_arrangements: dict[tuple[str, str, str | None], Rates] = field(default_factory=dict)
    of_kinds: dict[str, Rates] = field(default_factory=dict)
    _known: dict[tuple[Labels, int | None], Estimate | None] = field(default_factory=dict)

    def of(self, cell: Cell) -> Estimate | None:
        """The estimate for a cell, if anything is known of its kind."""
        key = cell.labels, cell.resumes_at  # in one plan, labels say all but the seed
        if key not in self._known:
            kind = kind_of(cell.spec)
            rates = self.of_arrangements.get((kind, cell.labels.arrangement, cell.labels.embedder))
            rates = rates or self.of_kinds.get(kind)
            self._known[key] = None if rates is None else estimate(cell, rates)
        return self._known[key]


def estimate(cell: Cell, rates: Rates) -> Estimate:
    """What a cell takes at these rates."""
    epochs = cell.training.epochs
    examples = max(1, round(nominal_examples(cell, rates) * rates.used))
    steps = math.ceil(examples / epochs / cell.training.batch_size) * epochs
    evaluations = len(evaluation_steps(cell.evaluation, steps))
    scoring = evaluations * rates.seconds_per_evaluation
    scoring += len(generation_steps(cell.evaluation, steps)) * rates.seconds_per_generation
    tokens = examples * rates.tokens_per_example
    left = 1 - min(1.0, (cell.resumes_at or 0) / steps)
    working = tokens * rates.seconds_per_token + scoring
    size = None
    if rates.bytes_besides is not None:
        growing = examples * rates.bytes_per_example + evaluations * rates.bytes_per_evaluation
        size = round(rates.bytes_besides + growing + rates.bytes_of_model)
    return Estimate(examples, round(tokens), rates.seconds_besides + left * working, size, rates.basis, rates.cells)


def nominal_examples(cell: Cell, rates: Rates) -> float:
    """Examples that the budget asks for, in all epochs."""
    if isinstance(cell.budget, TokenBudget):
        return cell.training.epochs * cell.budget.tokens / rates.tokens_per_example
    return cell.training.epochs * (rates.pool if cell.budget == "all" else cell.budget)
