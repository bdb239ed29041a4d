"""Skill-It: the mixture of tasks follows their losses while the model trains."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from zsg_registry import ArrangeContext, Need, OnlineArrangement, Order, Parameters, Segment, View


class SkillIt(OnlineArrangement):
    """Draws tasks in proportion to exp(η · graph · losses), anew after every few steps (Skill-It, online).

    Chen et al., "Skill-it! A Data-Driven Skills Framework for Understanding and Training Language Models"
    (arXiv 2307.14430), algorithm 1. The tasks are the skills. Segment t + 1 draws task i with the weight

        p_i ∝ exp(η · Σ_j A_ij · Σ_τ loss_j(τ)),    τ = t − window + 1 … t

    where loss_j(τ) is task j's loss on held-out examples after segment τ; the first segment draws uniformly. A task
    without a finite loss counts with the mean of the others. A is the identity, or the similarity of tasks with each
    row scaled to sum 1, so that η means the same for any number of tasks; the paper's own graph, learned from a
    training run for each task, is not offered.

    An example comes once. Those of a task come in random order; a task that is used up leaves its share to the
    others. It ends at the budget or with the pool. The stage of an entry is its segment, its score its task's weight.
    """

    class Params(Parameters):
        """How fast the mixture follows, and along which graph."""

        segment_steps: int = Field(default=20, ge=1)
        """Optimizer steps from one look at the losses to the next."""
        eta: float = Field(default=0.5, ge=0)
        """Learning rate of the mixture: 0 keeps it uniform."""
        window: int = Field(default=3, ge=1)
        """How many segments back losses count."""
        graph: Literal["none", "similarity"] = "none"
        """How a task profits from the loss of another: not at all, or by the cosine of their mean embeddings, not
        below 0."""
        view: View = "prompt"
        """With `graph=similarity`: which text is embedded."""

    params: Params
    stochastic = True

    @property
    def needs(self) -> frozenset[Need]:
        """Tasks, and an embedder for the similarity graph."""
        return frozenset({Need.TASKS} | ({Need.EMBEDDER} if self.params.graph == "similarity" else set()))

    def next_segment(self, context: ArrangeContext, history: Sequence[Segment]) -> Order | None:
        """The next `segment_steps · batch_size` examples, or as many as the budget and the pool have left."""
        used = np.concatenate([np.empty(0, dtype=np.int64), *(segment.order.indices for segment in history)])
        size = min(self.params.segment_steps * context.batch_size, min(context.budget, len(context.pool)) - len(used))
        if size <= 0:
            return None
        codes, names = context.pool.codes("task")
        shuffled = context.rng("examples").permutation(len(codes))
        fresh = shuffled[~np.isin(shuffled, used)]
        left = np.bincount(codes[fresh], minlength=len(names))
        logits = self._logits(context, history, names)
        tasks = _draw_tasks(context.rng("segment", len(history)), logits, left, size)
        # Each task's fresh examples in their random order, one group after the other.
        grouped = fresh[np.argsort(codes[fresh], kind="stable")]
        begins = np.cumsum(left) - left
        weights = np.exp(logits - logits.max())
        return Order(
            grouped[begins[tasks] + _turns(tasks)],
            stages=np.full(size, len(history), dtype=np.int32),
            scores=(weights / weights.sum())[tasks].astype(np.float32),
        )

    def _logits(self, context: ArrangeContext, history: Sequence[Segment], names: Sequence[str]) -> NDArray[np.float64]:
        """The logarithm of each task's weight, up to a constant, float64 `[T]`."""
        losses = np.zeros(len(names))
        for segment in history[-self.params.window :]:
            losses += _losses(segment, names)
        if self.params.graph == "similarity":
            losses = self._graph(context, len(names)) @ losses
        return self.params.eta * losses

    def _graph(self, context: ArrangeContext, tasks: int) -> NDArray[np.float64]:
        """The similarity of each task to each, float64 `[T, T]`, rows of sum 1."""
        codes, _ = context.pool.codes("task")
        vectors = context.embeddings("pool", self.params.view)
        centres = np.stack([vectors[codes == task].mean(axis=0, dtype=np.float64) for task in range(tasks)])
        norms = np.linalg.norm(centres, axis=1, keepdims=True)
        centres /= np.where(norms > 0, norms, 1)
        graph: NDArray[np.float64] = np.maximum(centres @ centres.T, 0)
        np.fill_diagonal(graph, 1)
        graph /= graph.sum(axis=1, keepdims=True)
        return graph


def _losses(segment: Segment, names: Sequence[str]) -> NDArray[np.float64]:
    """The loss of each task after a segment, float64 `[T]`; one that is unknown is the mean of the others, or 0."""
    losses = np.array([segment.losses.get(name, math.nan) for name in names], dtype=np.float64)
    known = np.isfinite(losses)
    return np.where(known, losses, losses[known].mean() if known.any() else 0.0)


def _draw_tasks(
    rng: np.random.Generator, logits: NDArray[np.float64], left: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """`size` draws of a task with weights exp(logits), each at most as often as it has examples left."""
    drawn: list[NDArray[np.int64]] = []
    while size > 0:
        open_logits = np.where(left > 0, logits, -np.inf)
        weights = np.exp(open_logits - open_logits.max())
        tasks = rng.choice(len(left), size=size, p=weights / weights.sum())
        # Draws of a task that is used up are void: they are made again among the others.
        tasks = tasks[_turns(tasks) < left[tasks]]
        left = left - np.bincount(tasks, minlength=len(left))
        size -= len(tasks)
        drawn.append(tasks)
    return np.concatenate(drawn)


def _turns(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many equal values come before each."""
    order = np.argsort(values, kind="stable")
    _, begins, groups = np.unique(values[order], return_index=True, return_inverse=True)
    turns = np.empty_like(order)
    turns[order] = np.arange(len(values)) - begins[groups]
    return turns
