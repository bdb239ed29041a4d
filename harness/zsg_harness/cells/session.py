"""Training and evaluation of one cell, interleaved."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from zsg_harness.cells.gate import check_first_losses
from zsg_harness.cells.preparation import Environment
from zsg_harness.cells.progress import Progress, Report
from zsg_harness.cells.records import Records
from zsg_harness.cells.roles import Roles
from zsg_harness.evaluation.generation import generate
from zsg_harness.evaluation.losses import example_losses
from zsg_harness.evaluation.scoring import opened, score
from zsg_harness.evaluation.steps import evaluation_steps, generation_steps
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.plan.cell import Cell
from zsg_harness.services.handle import Handle
from zsg_harness.store.store import Store
from zsg_harness.training.encoding import Encoded, encode
from zsg_harness.training.loop import train
from zsg_registry import Metric, MetricBatch, Order, ZsgError


class TrainingSession:
    """One cell's loop: train to the next evaluation step, score, go on.

    Attributes:
        steps: For each optimizer step the rows of the pool it consumes.
        tokens: Training tokens consumed so far, without padding.
        counts: Examples that were left out, by why.
        timings: Seconds by activity.
    """

    def __init__(
        self,
        cell: Cell,
        metrics: Sequence[Metric],
        roles: Roles,
        lm: CausalLM,
        order: Order,
        pool: Encoded,
        environment: Environment,
        report: Report,
    ) -> None:
        self._cell = cell
        self._metrics = [metric for metric in metrics if metric.scope == "unseen"]
        self._roles = roles
        self._lm = lm
        self._pool = pool
        self._environment = environment
        self._report = report
        self._eval = encode(roles.eval, lm.tokenizer, cell.training.max_length)
        self.steps = self._batches(order)
        self.tokens = 0
        self.counts: dict[str, int] = {
            "invalid_train": int((pool.label_counts == 0).sum()),
            "invalid_eval": int((self._eval.label_counts == 0).sum()),
        }
        self.timings = {"train": 0.0, "evaluate": 0.0}

    def run(self, records: Records, store: Store) -> Mapping[str, float]:
        """Train and evaluate to the end; returns the last step's means over tasks."""
        evaluated = set(evaluation_steps(self._cell.evaluation, len(self.steps)))
        generated = generation_steps(self._cell.evaluation, len(self.steps))
        metrics = opened(self._metrics)
        try:
            scores = self._evaluate(0, 0 in generated, metrics, records, store)
            updates = train(
                self._lm,
                self._pool,
                self.steps,
                self._cell.training,
                self._environment.run.micro_batch_tokens,
            )
            mark = time.monotonic()
            for update in updates:
                seconds = time.monotonic() - mark
                self.timings["train"] += seconds
                self.tokens += update.tokens
                records.trained(update, seconds)
                self._report(self._progress("training", update.step, update.loss, update.tokens / max(seconds, 1e-9)))
                if update.step in evaluated:
                    scores = self._evaluate(update.step, update.step in generated, metrics, records, store)
                mark = time.monotonic()
        finally:
            for metric in metrics:
                metric.close()
        return scores

    def _evaluate(
        self, step: int, with_generations: bool, metrics: Sequence[Metric], records: Records, store: Store
    ) -> Mapping[str, float]:
        started = time.monotonic()
        losses = example_losses(self._lm, self._eval, self._environment.run.eval_batch_tokens)
        broken = int((~np.isfinite(losses[self._eval.label_counts > 0])).sum())
        if broken:
            raise ZsgError(f"the loss of {broken} of {len(losses)} scored examples is not finite after step {step}")
        if step == 0:
            check_first_losses(store, self._cell, self._roles.eval.ids, losses)
        answers = generate(self._lm, self._eval, self._cell.evaluation.max_new_tokens) if with_generations else None
        batch = MetricBatch(
            examples=self._roles.eval,
            losses=losses,
            tokens=self._eval.label_counts,
            generations=answers,
            model=Handle(self._lm, self._cell.training.max_length),
        )
        scored = score(metrics, batch)
        records.evaluated(step, self.tokens, batch, scored)
        self.timings["evaluate"] += time.monotonic() - started
        scores = {output: scored.mean(output) for output in scored.frame["metric"].unique()}
        self._report(self._progress("evaluating", step, scores=scores))
        return scores

    def _batches(self, order: Order) -> list[NDArray[np.int64]]:
        ends = order.step_ends(self._cell.training.batch_size)
        return np.split(order.indices, ends[:-1])

    def _progress(
        self,
        stage: str,
        step: int,
        loss: float | None = None,
        tokens_per_second: float | None = None,
        scores: Mapping[str, float] | None = None,
    ) -> Progress:
        return Progress(
            self._cell.cell_id, stage, step, len(self.steps), loss, tokens_per_second, dict(scores) if scores else {}
        )
