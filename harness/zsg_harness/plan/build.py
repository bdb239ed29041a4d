"""From a matrix to its cells: the product of the axes, with coinciding cells merged."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ValidationError

from zsg_harness.matrix.expand import Choice, Expander
from zsg_harness.matrix.load import LoadedMatrix
from zsg_harness.matrix.schema import Matrix, ModelEntry, SeedTable, TokenBudget, TrainingTable
from zsg_harness.models.resolve import ModelSource, bundled_models, resolve_model
from zsg_harness.plan.cell import Cell, CellSeeds, Labels
from zsg_harness.plan.identity import CORE_REVISIONS, identity
from zsg_harness.tokens.text_form import TextForm
from zsg_registry import Access, Dataset, Metric, Need, OnlineArrangement, Registry, Seeds, ZsgError, did_you_mean

_LATER_SETTINGS: Final = ("optimizer", "lora", "loss_on")
_MODEL_OPTIONS: Final = ("attention", "trust_remote_code")


@dataclass(frozen=True, slots=True)
class Plan:
    """The cells of a matrix, each once.

    Attributes:
        loaded: The matrix.
        cells: In the order of the axes.
        warnings: What the reader should know, one line each.
    """

    loaded: LoadedMatrix
    cells: tuple[Cell, ...]
    warnings: tuple[str, ...]


class _Axes(NamedTuple):
    models: list[tuple[ModelEntry, ModelSource]]
    datasets: list[Choice]
    embedders: list[Choice]
    arrangements: list[Choice]
    metrics: list[Choice]


class _Point(NamedTuple):
    """A combination before it has seeds."""

    model: ModelEntry
    source: ModelSource
    dataset: Choice
    embedder: Choice | None
    arrangement: Choice
    budget: Any


def build_plan(loaded: LoadedMatrix, registry: Registry) -> Plan:
    """All cells of a matrix, not yet compared with a store. Imports no torch.

    Raises:
        ZsgError: The matrix names something that is unknown or broken, or comes to no cell at all.
    """
    matrix = loaded.matrix
    expander = Expander(registry, loaded.base_dir)
    axes = _axes(loaded, expander)
    cells: dict[str, Cell] = {}
    for point in _points(matrix, axes):
        for seed in matrix.matrix.seeds:
            cell = _cell(loaded, axes.metrics, point, seed)
            same = cells.get(cell.cell_id)
            if same is not None:
                cell = same.model_copy(update={"user_seeds": (*same.user_seeds, *cell.user_seeds)})
                cell = cell.model_copy(update={"user_seeds": tuple(dict.fromkeys(cell.user_seeds))})
            cells[cell.cell_id] = cell
    if not cells:
        raise ZsgError(f"{loaded.origin}: the matrix has no cells")
    return Plan(loaded, tuple(cells.values()), tuple(expander.warnings))


def _axes(loaded: LoadedMatrix, expander: Expander) -> _Axes:
    table = loaded.matrix.matrix
    entries = [ModelEntry(use=entry) if isinstance(entry, str) else entry for entry in table.models]
    entries = [
        named
        for entry in entries
        for named in ([ModelEntry(use=name) for name in bundled_models()] if entry.use == "*" else [entry])
    ]
    arrangements = expander.choices("arrangement", table.arrangements)
    controls = expander.choices("transform", table.controls)
    controlled = [arrangement.then(control) for arrangement in arrangements for control in controls]
    return _Axes(
        models=[(entry, resolve_model(entry, loaded.base_dir)) for entry in entries],
        datasets=expander.choices("dataset", table.datasets),
        embedders=expander.choices("embedder", table.embedders),
        arrangements=arrangements + controlled,
        metrics=_distinct_outputs(expander.choices("metric", table.metrics)),
    )


def _distinct_outputs(metrics: list[Choice]) -> list[Choice]:
    owner: dict[str, str] = {}
    for choice in metrics:
        metric = choice.components[0]
        assert isinstance(metric, Metric)
        for output in metric.outputs:
            if owner.setdefault(output, choice.label) != choice.label:
                raise ZsgError(f"metrics {owner[output]!r} and {choice.label!r} both yield {output!r}: leave one out")
    return metrics


def _points(matrix: Matrix, axes: _Axes) -> Iterator[_Point]:
    product = itertools.product(axes.models, axes.datasets, matrix.matrix.budgets, axes.arrangements)
    for (model, source), dataset, budget, arrangement in product:
        embedders: list[Choice | None] = [None]
        if Need.EMBEDDER in arrangement.needs:
            embedders = list(axes.embedders)
            if not embedders:
                raise ZsgError(f"arrangement {arrangement.label!r} needs an embedder: name one in matrix.embedders")
        for embedder in embedders:
            point = _Point(model, source, dataset, embedder, arrangement, budget)
            if _coupled(matrix, _labels(point)):
                yield point


def _labels(point: _Point) -> Labels:
    budget = f"{point.budget.tokens} tokens" if isinstance(point.budget, TokenBudget) else str(point.budget)
    return Labels(
        arrangement=point.arrangement.label,
        dataset=point.dataset.label,
        embedder=None if point.embedder is None else point.embedder.label,
        model=point.model.label or point.model.use,
        budget=budget,
    )


def _coupled(matrix: Matrix, labels: Labels) -> bool:
    """Whether no `[[couple]]` forbids the combination: of a couple's values, a cell has all or none."""
    own = labels.model_dump()
    for couple in matrix.couple:
        wanted = couple.model_dump(exclude_none=True)
        hits = {own[axis] == value for axis, value in wanted.items() if own[axis] is not None}
        if len(hits) > 1:
            return False
    return True


def _training(matrix: Matrix, labels: Labels) -> TrainingTable:
    """The training settings of a cell: `[training]` with every matching `[[override]]` over it, in order."""
    settings = matrix.training.model_dump(exclude_unset=True)
    own = labels.model_dump()
    for override in matrix.override:
        if all(fnmatch.fnmatchcase(own[axis] or "", pattern) for axis, pattern in override.when.items()):
            unknown = [name for name in override.training if name not in TrainingTable.model_fields]
            if unknown:
                hint = did_you_mean(unknown[0], TrainingTable.model_fields)
                raise ZsgError(f"override for {override.when}: unknown field {unknown[0]!r}{hint}")
            settings |= override.training
    try:
        return TrainingTable.model_validate(settings)
    except ValidationError as error:
        finding = error.errors()[0]
        raise ZsgError(f"override: {finding['loc'][0]!r}: {finding['msg']}, got {finding['input']!r}") from None


def _cell(loaded: LoadedMatrix, metrics: list[Choice], point: _Point, user_seed: int | SeedTable) -> Cell:
    matrix = loaded.matrix
    labels = _labels(point)
    training = _training(matrix, labels)
    seeds = _seeds(matrix, point, training, user_seed)
    access = point.arrangement.access
    shared = _shared_spec(matrix, point, training, seeds, loaded.base_dir)
    arranged = {
        "arrangement": point.arrangement.identity,
        "embedder": None if point.embedder is None else point.embedder.identity,
        "order_seed": seeds.order,
        "query": None if access is Access.NONE else _query_spec(matrix, seeds, access),
    }
    evaluation = _evaluation_spec(matrix, metrics)
    trained = {"shared": shared, "arranged": arranged}
    spec = {**trained, "evaluation": evaluation}
    reason = _reason_to_skip(point, matrix, training)
    return Cell(
        cell_id=identity(spec),
        training_id=identity(trained),
        block=identity({"shared": shared, "evaluation": evaluation}),
        labels=labels,
        user_seeds=(_seed_name(user_seed),),
        seeds=seeds,
        access=access,
        arrangement=str(point.arrangement.pipeline),
        dataset=str(point.dataset.pipeline),
        embedder=None if point.embedder is None else str(point.embedder.pipeline),
        metrics=tuple(str(choice.pipeline) for choice in metrics),
        model=point.model,
        model_hash=point.source.content,
        budget=point.budget,
        data=matrix.data,
        training=training,
        evaluation=matrix.evaluation,
        base_dir=str(loaded.base_dir),
        given_training=tuple(sorted(training.model_fields_set)),
        spec=spec,
        state="run" if reason is None else "skipped",
        reason=reason,
    )


def _seeds(matrix: Matrix, point: _Point, training: TrainingTable, user: int | SeedTable) -> CellSeeds:
    """The seeds that matter. A stream that changes nothing is None, so that cells which coincide are one cell."""
    seeds = Seeds.of(user) if isinstance(user, int) else Seeds(user.data, user.order, user.train)
    queried = point.arrangement.access is not Access.NONE and not matrix.data.oracle
    draws = matrix.data.per_seen_task is not None or matrix.data.probe_per_task > 0 or queried
    return CellSeeds(
        data=seeds.data if draws else None,
        order=seeds.order if point.arrangement.stochastic else None,
        train=seeds.train if training.dropout or training.lora is not None else None,
    )


def _shared_spec(
    matrix: Matrix, point: _Point, training: TrainingTable, seeds: CellSeeds, base_dir: Path
) -> dict[str, Any]:
    """What two arrangements must have in common to be compared."""
    dataset = point.dataset.components[0]
    assert isinstance(dataset, Dataset)
    caps = matrix.data
    pool_is_drawn = caps.per_seen_task is not None or caps.probe_per_task > 0
    return {
        "core": CORE_REVISIONS,
        "dataset": [*point.dataset.identity, {"fingerprint": dataset.fingerprint()}],
        "pool": {"per_seen_task": caps.per_seen_task, "probe_per_task": caps.probe_per_task},
        "data_seed": seeds.data if pool_is_drawn else None,
        "eval": {"per_unseen_task": caps.per_unseen_task, "eval_seed": caps.eval_seed, "oracle": caps.oracle},
        "model": {"content": point.source.content, "dtype": point.model.dtype} | _set(point.model, _MODEL_OPTIONS),
        "budget": point.budget.model_dump() if isinstance(point.budget, TokenBudget) else point.budget,
        "training": _training_spec(training, base_dir),
        "train_seed": seeds.train,
    }


def _training_spec(training: TrainingTable, base_dir: Path) -> dict[str, Any]:
    """The settings, with a template file's content instead of its path.

    A setting that came later counts only where it is set: it does not move the identities from before it.
    """
    spec = training.model_dump(mode="json", exclude=set(_LATER_SETTINGS)) | _set(training, _LATER_SETTINGS)
    form = TextForm(training.template, training.loss_on, training.max_length, base_dir)
    return spec | {"template": form.content()["template"]}


def _set(table: BaseModel, names: Iterable[str]) -> dict[str, Any]:
    """Those of some fields that are not at their defaults."""
    return table.model_dump(mode="json", include=set(names), exclude_defaults=True)


def _query_spec(matrix: Matrix, seeds: CellSeeds, access: Access) -> dict[str, Any]:
    if matrix.data.oracle:
        return {"access": access, "oracle": True}
    return {"access": access, "query_per_task": matrix.data.query_per_task, "data_seed": seeds.data}


def _evaluation_spec(matrix: Matrix, metrics: list[Choice]) -> dict[str, Any]:
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


def _reason_to_skip(point: _Point, matrix: Matrix, training: TrainingTable) -> str | None:
    arrangement = point.arrangement
    if isinstance(arrangement.components[0], OnlineArrangement):
        if len(arrangement.components) > 1:
            return f"{arrangement.label}: a transform needs the whole order, and an online arrangement has none"
        if training.epochs > 1:
            return f"{arrangement.label} is online, which is for one epoch"
        if arrangement.access is not Access.ANSWERS and not matrix.data.probe_per_task:
            return f"{arrangement.label} goes by losses on held-out examples: set data.probe_per_task"
    for choice in (point.dataset, point.embedder, arrangement):
        reason = None if choice is None else choice.unavailable()
        if reason is not None:
            assert choice is not None
            return f"{choice.label} is not available: {reason}"
    return None


def _seed_name(seed: int | SeedTable) -> str:
    return str(seed) if isinstance(seed, int) else f"data={seed.data},order={seed.order},train={seed.train}"
