"""What of a combination enters its identity: one canonical document, in three parts that different hashes are made of.

Only what can change a stored number is in it. Whatever does not vary with the seed is asked for once.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import BaseModel

from zsg_harness.contamination import REVISION
from zsg_harness.matrix.expand import Choice
from zsg_harness.matrix.schema import DataTable, Matrix, ModelEntry, SeedTable, TokenBudget, TrainingTable
from zsg_harness.models.resolve import ModelSource
from zsg_harness.plan.cell import CellSeeds
from zsg_harness.tokens.text_form import TextForm
from zsg_registry import Access, Metric, Seeds

CORE_REVISIONS: Final = {"data": 1, "train": 2, "evaluate": 1}
"""Raised when the core itself cuts, trains or evaluates differently than before."""

_LATER_SETTINGS: Final = ("optimizer", "lora", "loss_on")
_MODEL_OPTIONS: Final = ("attention", "trust_remote_code")


class Point(NamedTuple):
    """A combination before it has seeds."""

    model: ModelEntry
    source: ModelSource
    dataset: Choice
    embedder: Choice | None
    arrangement: Choice
    budget: Any


class PointSpec:
    """The documents of a combination's cells.

    Attributes:
        evaluation: What evaluation alone reads.
    """

    def __init__(
        self, matrix: Matrix, point: Point, training: TrainingTable, fingerprint: str, metrics: list[Choice], base: Path
    ) -> None:
        """Write down what the seeds do not change.

        Args:
            matrix: The matrix.
            point: The combination.
            training: Its training settings.
            fingerprint: Of its data.
            metrics: All metrics of the matrix.
            base: What a template's path is relative to.

        Raises:
            ZsgError: A template's file cannot be read.
        """
        caps, access = matrix.data, point.arrangement.access
        self._drawn = _Drawn(
            pool=caps.per_seen_task is not None or caps.probe_per_task > 0,
            query=access is not Access.NONE and not caps.oracle,
            order=point.arrangement.stochastic,
            train=training.dropout or training.lora is not None,
        )
        self._shared = {
            "core": CORE_REVISIONS,
            "dataset": [*point.dataset.identity, {"fingerprint": fingerprint}],
            "pool": {"per_seen_task": caps.per_seen_task, "probe_per_task": caps.probe_per_task} | _guard(caps),
            "eval": {"per_unseen_task": caps.per_unseen_task, "eval_seed": caps.eval_seed, "oracle": caps.oracle},
            "model": {"content": point.source.content, "dtype": point.model.dtype} | _set(point.model, _MODEL_OPTIONS),
            "budget": point.budget.model_dump() if isinstance(point.budget, TokenBudget) else point.budget,
            "training": _training(training, base),
        }
        self._arranged = {
            "arrangement": list(point.arrangement.identity),
            "embedder": None if point.embedder is None else list(point.embedder.identity),
        }
        self._query: dict[str, Any] = {"access": access}
        self._query |= {"oracle": True} if caps.oracle else {"query_per_task": caps.query_per_task}
        self.evaluation = _evaluation(matrix, metrics)

    def seeds(self, user: int | SeedTable) -> CellSeeds:
        """The seeds that matter. A stream that changes nothing is None, so that cells which coincide are one cell."""
        seeds = Seeds.of(user) if isinstance(user, int) else Seeds(user.data, user.order, user.train)
        drawn = self._drawn
        return CellSeeds(
            data=seeds.data if drawn.pool or drawn.query else None,
            order=seeds.order if drawn.order else None,
            train=seeds.train if drawn.train else None,
        )

    def shared(self, seeds: CellSeeds) -> dict[str, Any]:
        """What two arrangements must have in common to be compared."""
        data_seed = seeds.data if self._drawn.pool else None
        return {**self._shared, "data_seed": data_seed, "train_seed": seeds.train}

    def arranged(self, seeds: CellSeeds) -> dict[str, Any]:
        """What the order comes from."""
        query = None
        if self._query["access"] is not Access.NONE:
            query = {**self._query, "data_seed": seeds.data} if self._drawn.query else self._query
        return {**self._arranged, "order_seed": seeds.order, "query": query}


class _Drawn(NamedTuple):
    """What is drawn with a seed."""

    pool: bool
    query: bool
    order: bool
    train: bool


def _training(training: TrainingTable, base: Path) -> dict[str, Any]:
    """The settings, with a template file's content instead of its path.

    A setting that came later counts only where it is set: it does not move the identities from before it.
    """
    spec = training.model_dump(mode="json", exclude=set(_LATER_SETTINGS)) | _set(training, _LATER_SETTINGS)
    form = TextForm(training.template, training.loss_on, training.max_length, base)
    return spec | {"template": form.content()["template"]}


def _guard(caps: DataTable) -> dict[str, str]:
    """What is dropped from the pool, if anything: what is only told of changes no result."""
    return {"decontaminate": f"drop (revision {REVISION})"} if caps.decontaminate == "drop" else {}


def _set(table: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    """Those of some fields that are not at their defaults."""
    return table.model_dump(mode="json", include=set(names), exclude_defaults=True)


def _evaluation(matrix: Matrix, metrics: list[Choice]) -> dict[str, Any]:
    """What evaluation alone reads. Metrics that need no model can be added later, so only what they are fed counts."""
    return {
        "steps": matrix.evaluation.every or matrix.evaluation.steps,
        "generate": {"at": matrix.evaluation.generate_at, "max_new_tokens": matrix.evaluation.max_new_tokens},
        "metrics": [choice.identity for choice in metrics if _needs_model(choice)],
    }


def _needs_model(choice: Choice) -> bool:
    metric = choice.components[0]
    assert isinstance(metric, Metric)
    return "model" in metric.requires
