"""One cell's model, scored: on examples of unseen tasks, on held-out ones of seen tasks, and on what metrics bring."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from zsg_harness.cells.gate import first_losses
from zsg_harness.cells.preparation import Environment
from zsg_harness.cells.roles import Roles
from zsg_harness.cells.warm import encoded
from zsg_harness.evaluation.generation import generate
from zsg_harness.evaluation.losses import example_losses
from zsg_harness.evaluation.scoring import TaskScores, score_scopes
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.plan.cell import Cell
from zsg_harness.services.handle import Handle
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.random_state import undisturbed
from zsg_registry import ExampleSet, Metric, MetricBatch, Scope, ZsgError


class Evaluation(NamedTuple):
    """What was found at a step.

    Attributes:
        batches: What metrics scored, by scope.
        scores: What they said.
    """

    batches: dict[Scope, MetricBatch]
    scores: TaskScores


class Evaluator:
    """Measures losses and generates answers, and has metrics score them.

    Losses on the probe are measured wherever the data has one, whatever the metrics are, so that a metric of them can
    be added to the finished cell.
    """

    def __init__(self, cell: Cell, roles: Roles, lm: CausalLM, environment: Environment) -> None:
        self._cell = cell
        self._lm = lm
        self._environment = environment
        self._examples: dict[Scope, ExampleSet] = {"unseen": roles.eval}
        if len(roles.probe):
            self._examples["seen"] = roles.probe
        self._tokens = {scope: encoded(cell, own, lm.tokenizer) for scope, own in self._examples.items()}
        run = environment.run
        self._handle = Handle(lm, cell.text_form, batch_tokens=run.eval_batch_tokens, world=environment.world)

    @property
    def scored(self) -> Encoded:
        """The scored examples of unseen tasks."""
        return self._tokens["unseen"]

    def evaluate(self, metrics: Sequence[Metric], step: int, generates: bool) -> Evaluation:
        """Score the model as it is; it and all generators are as before afterwards.

        Args:
            metrics: Open ones.
            step: After which optimizer step.
            generates: Whether answers are generated, and external metrics scored.

        Raises:
            ZsgError: A loss is not finite, or a metric cannot do its work.
        """
        asked: set[Scope] = {metric.scope for metric in metrics if "generations" in metric.requires} | {"unseen"}
        if not self._environment.world.is_first:  # who writes nothing only takes part where the model is asked
            metrics = [metric for metric in metrics if "model" in metric.requires]
        with undisturbed(self._lm.model):
            batches = {scope: self._batch(scope, step, generates and scope in asked) for scope in self._examples}
            if generates:
                batches["external"] = MetricBatch(self._examples["unseen"], model=self._handle)
            return Evaluation(batches, score_scopes(metrics, batches))

    def _batch(self, scope: Scope, step: int, generates: bool) -> MetricBatch:
        examples, tokens = self._examples[scope], self._tokens[scope]
        run, world = self._environment.run, self._environment.world

        def measure(count: int) -> NDArray[np.float64]:
            return example_losses(self._lm, tokens.head(count), run.eval_batch_tokens, world)

        if step:
            losses = measure(len(examples))
        else:
            losses = first_losses(self._environment.cache, self._cell, examples.ids, world, measure)
        broken = int((~np.isfinite(losses[tokens.label_counts > 0])).sum())
        if broken:
            raise ZsgError(f"the loss of {broken} of {len(losses)} scored examples is not finite after step {step}")
        answers = None
        if generates:
            longest = self._cell.evaluation.max_new_tokens
            answers = generate(self._lm, tokens, longest, run.eval_batch_tokens, world)
        return MetricBatch(
            examples=examples,
            losses=losses,
            tokens=tokens.label_counts,
            generations=answers,
            model=self._handle,
        )
