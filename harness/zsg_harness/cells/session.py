"""Training and evaluation of one cell, interleaved."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from zsg_harness.cells.evaluation import Evaluator
from zsg_harness.cells.preparation import CellStopped, Environment
from zsg_harness.cells.progress import Progress, Report
from zsg_harness.cells.records import Records
from zsg_harness.cells.roles import Roles
from zsg_harness.cells.segments import Losses, Segments
from zsg_harness.cells.trackers import Trackers
from zsg_harness.evaluation.losses import example_losses
from zsg_harness.evaluation.scoring import opened
from zsg_harness.evaluation.steps import evaluation_steps, generation_steps
from zsg_harness.models.causal_lm import CausalLM
from zsg_harness.plan.cell import Cell
from zsg_harness.tokens.encoding import Encoded
from zsg_harness.training.checkpoint import Checkpoint, Checkpoints
from zsg_harness.training.loop import StepRecord, Trainer
from zsg_harness.training.random_state import undisturbed
from zsg_registry import Access, ExampleSet, Metric, ZsgError


class TrainingSession:
    """One cell's loop: train to the next evaluation step, score, go on.

    Attributes:
        counts: Examples that were left out, by why, and how often memory ran out.
        timings: Seconds by activity.
        resumed_at: The steps that an earlier attempt had done, or None if there was none to go on from.
    """

    def __init__(
        self,
        cell: Cell,
        metrics: Sequence[Metric],
        roles: Roles,
        lm: CausalLM,
        pool: Encoded,
        segments: Segments,
        environment: Environment,
        report: Report,
    ) -> None:
        self._cell = cell
        self._metrics = metrics
        self._roles = roles
        self._lm = lm
        self._environment = environment
        self._world = environment.world
        self._report = report
        self._form = cell.text_form
        self._segments = segments
        self._evaluator = Evaluator(cell, roles, lm, environment)
        scored = self._evaluator.scored
        _check_labels(pool, scored)
        self._trainer = Trainer(lm, pool, segments.planned, cell.training, environment.run, self._world)
        self.counts = {
            "invalid_train": int((pool.label_counts == 0).sum()),
            "invalid_eval": int((scored.label_counts == 0).sum()),
        }
        self.timings = {"train": 0.0, "evaluate": 0.0, "checkpoint": 0.0}
        self.resumed_at: int | None = None
        self._scores: Mapping[str, float] = {}
        self._scored_at = -1

    def run(self, records: Records, checkpoints: Checkpoints, trackers: Trackers) -> Mapping[str, float]:
        """Train and evaluate to the end, from the newest checkpoint if there is one.

        Returns:
            The last step's means over tasks.
        """
        self._resume(records, checkpoints)
        evaluated = set(evaluation_steps(self._cell.evaluation, self._segments.planned))
        metrics = opened(self._metrics)
        saved = time.monotonic()
        try:
            if self._scored_at < 0:
                self._evaluate(metrics, records, trackers)
            while self._trainer.done < len(self._segments.steps) or self._segments.extend(self._segment_losses):
                update = self._train(records)
                trackers.log({"train/loss": update.loss, "train/learning_rate": update.learning_rate}, update.step)
                if update.step in evaluated:
                    self._evaluate(metrics, records, trackers)
                stop, due = self._world.agree((self._environment.asked_to_stop(), self._is_due(saved)))
                stop = stop and self._trainer.done < self._segments.planned  # what is almost through is finished
                if stop or due:
                    self._save(records, checkpoints)
                    saved = time.monotonic()
                if stop:
                    raise CellStopped(f"stopped after step {self._trainer.done}, with its state saved")
            if self._scored_at != self._trainer.done:  # an arrangement that goes by losses stopped early
                self._evaluate(metrics, records, trackers, final=True)
        finally:
            for metric in metrics:
                metric.close()
        self.counts["halved_micro_batches"] = self._trainer.memory.halvings
        return self._scores

    def _train(self, records: Records) -> StepRecord:
        started = time.monotonic()
        rows = self._segments.steps[self._trainer.done]
        update = self._trainer.step(rows)
        seconds = time.monotonic() - started
        self.timings["train"] += seconds
        records.trained(update, rows, seconds)
        self._report(self._progress("training", loss=update.loss, tokens_per_second=update.tokens / max(seconds, 1e-9)))
        return update

    def _evaluate(self, metrics: Sequence[Metric], records: Records, trackers: Trackers, final: bool = False) -> None:
        started = time.monotonic()
        step = self._trainer.done
        self._report(self._progress("evaluating"))
        generates = step in generation_steps(self._cell.evaluation, step if final else self._segments.planned)
        evaluation = self._evaluator.evaluate(metrics, step, generates)
        records.evaluated(step, records.tokens, evaluation)
        scored = evaluation.scores
        self._scores = {output: scored.mean(output) for output in scored.frame["metric"].unique()}
        self._scored_at = step
        trackers.log({f"{scored.scopes[output]}/{output}": value for output, value in self._scores.items()}, step)
        self.timings["evaluate"] += time.monotonic() - started
        self._report(self._progress("evaluating", scores=self._scores))

    @cached_property
    def _held_out(self) -> list[tuple[ExampleSet, Encoded]]:
        """What an online arrangement is told the losses of."""
        shown = [self._roles.probe] + [self._roles.query] * (self._cell.access is Access.ANSWERS)
        return [(examples, self._form.encode(examples, self._lm.tokenizer)) for examples in shown]

    def _segment_losses(self) -> Losses:
        """The mean loss of each task now: on held-out examples of seen ones, and where answers may be seen on the
        query.
        """
        found: dict[str, float] = {}
        with undisturbed(self._lm.model):
            for examples, tokens in self._held_out:
                losses = example_losses(self._lm, tokens, self._environment.run.eval_batch_tokens, self._world)
                codes, names = examples.codes("task")
                for code, name in enumerate(names):
                    own = losses[codes == code]
                    if np.isfinite(own).any():
                        found[name] = float(np.nanmean(own))
        return found

    def _is_due(self, saved: float) -> bool:
        """Whether it is time for a checkpoint."""
        run = self._environment.run
        by_steps = run.checkpoint_steps > 0 and self._trainer.done % run.checkpoint_steps == 0
        by_time = run.checkpoint_minutes > 0 and time.monotonic() - saved >= 60 * run.checkpoint_minutes
        return by_steps or by_time

    def _save(self, records: Records, checkpoints: Checkpoints) -> None:
        started = time.monotonic()
        facts = {
            "order": self._segments.history(),
            "scores": dict(self._scores),
            "scored_at": self._scored_at,
            "timings": self.timings,
        }
        checkpoints.save(self._trainer, Checkpoint(facts, records.tables))
        self.timings["checkpoint"] += time.monotonic() - started

    def _resume(self, records: Records, checkpoints: Checkpoints) -> None:
        kept = checkpoints.load(self._trainer)
        if kept is None:
            if not self._segments.steps:
                self._segments.extend(dict)
            return
        self._segments.resume(kept.facts["order"])
        records.resume(kept.tables, self._segments.steps[: self._trainer.done])
        self._scores, self._scored_at = kept.facts["scores"], kept.facts["scored_at"]
        self.timings |= kept.facts["timings"]
        self.resumed_at = self._trainer.done

    def _progress(
        self,
        stage: str,
        *,
        loss: float | None = None,
        tokens_per_second: float | None = None,
        scores: Mapping[str, float] | None = None,
    ) -> Progress:
        done, planned = self._trainer.done, self._segments.planned
        return Progress(self._cell.cell_id, stage, done, planned, loss, tokens_per_second, dict(scores or {}))


def _check_labels(pool: Encoded, scored: Encoded) -> None:
    for what, tokens in (("training", pool), ("scored", scored)):
        if not tokens.label_counts.any():
            raise ZsgError(f"no {what} example has a label: the template or max_length leaves no answer to predict")
