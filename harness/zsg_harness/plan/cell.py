"""A planned cell: all that a worker needs to run it, as plain JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from zsg_harness.matrix.schema import DataTable, EvaluationTable, ModelEntry, TokenBudget, TrainingTable
from zsg_harness.seed_text import seed_text
from zsg_harness.tokens.text_form import TextForm
from zsg_registry import Access

Cause = Literal["new", "changed", "failed", "cut short", "unfit", "elsewhere"]
"""Why a cell is to be run: the store has never had it, or has one of the same name that differs; its last attempt
failed, was cut short, or found that it could not run; or another run has it just now."""


class Labels(BaseModel):
    """A cell's names in reports and filters."""

    model_config = ConfigDict(frozen=True)

    arrangement: str
    dataset: str
    embedder: str | None
    model: str
    budget: str

    def __str__(self) -> str:
        parts = (self.arrangement, self.dataset, self.embedder, self.model, self.budget)
        return " × ".join(part for part in parts if part is not None)


class CellSeeds(BaseModel):
    """The seeds a cell runs with; None is a stream that changes nothing in it."""

    model_config = ConfigDict(frozen=True)

    data: int | None
    order: int | None
    train: int | None


class Cell(BaseModel):
    """One combination of the matrix.

    Attributes:
        cell_id: Hash of everything that can change a number in the store.
        training_id: Hash of what can change the trained model: cells that differ in evaluation alone share it.
        block: Hash of what must be equal for two arrangements to be compared: all but arrangement and embedder.
        user_seeds: The seeds of the matrix that this cell stands for, as written.
        arrangement, dataset, embedder, metrics: References, to be bound by the worker.
        base_dir: What the references' paths are relative to.
        given_training: The training settings that the matrix names; the others are at their defaults.
        model_hash: What stands for the model's content.
        state: `done` is in the store; `run` is to be run; `skipped` cannot run here.
        reason: Why, in the user's words.
        cause: Why it is to be run, in one word.
        resumes_at: The step at which it goes on from a checkpoint.
    """

    model_config = ConfigDict(frozen=True)

    cell_id: str
    training_id: str
    block: str
    labels: Labels
    user_seeds: tuple[str, ...]
    seeds: CellSeeds
    access: Access
    arrangement: str
    dataset: str
    embedder: str | None
    metrics: tuple[str, ...]
    model: ModelEntry
    model_hash: str
    budget: Literal["all"] | int | TokenBudget
    data: DataTable
    training: TrainingTable
    evaluation: EvaluationTable
    base_dir: str
    given_training: tuple[str, ...] = ()
    spec: dict[str, Any]
    state: Literal["run", "done", "skipped"] = "run"
    reason: str | None = None
    cause: Cause | None = None
    resumes_at: int | None = None

    @property
    def seed_names(self) -> tuple[str, ...]:
        """The seeds that it stands for, as people read them."""
        return tuple(dict.fromkeys(map(seed_text, self.user_seeds)))

    @property
    def description(self) -> dict[str, Any]:
        """What a store keeps of it as `cell.json`: all but what a plan says of the moment."""
        plain = self.model_dump(mode="json", exclude={"state", "reason", "cause", "resumes_at", "user_seeds"})
        return plain | {"oracle": self.data.oracle}

    @property
    def model_key(self) -> str:
        """What stands for the model as it is loaded, in the keys of caches: with another type of weights, or another
        attention, it gives other numbers.
        """
        loaded = (self.model.dtype, self.model.attention)
        default = tuple(ModelEntry.model_fields[name].default for name in ("dtype", "attention"))
        return self.model_hash if loaded == default else "-".join([self.model_hash, *map(str, loaded)])

    @property
    def text_form(self) -> TextForm:
        """How its examples become tokens."""
        settings = self.training
        return TextForm(settings.template, settings.loss_on, settings.max_length, Path(self.base_dir))
