"""From a matrix to its cells: the product of the axes, with coinciding cells merged."""

from __future__ import annotations

import fnmatch
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from zsg_harness.identity import canonical, hashed, joined
from zsg_harness.matrix.expand import Choice, Expander
from zsg_harness.matrix.load import LoadedMatrix
from zsg_harness.matrix.schema import Matrix, ModelEntry, SeedTable, TokenBudget, TrainingTable
from zsg_harness.models.resolve import ModelSource, bundled_models, resolve_model
from zsg_harness.plan.cell import Cell, CellSeeds, Labels
from zsg_harness.plan.spec import Point, PointSpec
from zsg_registry import Access, Dataset, Metric, Need, OnlineArrangement, Registry, ZsgError, did_you_mean


@dataclass(frozen=True, slots=True)
class Plan:
    """The cells of a matrix, each once.

    Attributes:
        loaded: The matrix.
        cells: In the order of the axes.
        warnings: What the reader should know, one line each.
        arrangements, embedders: The components by their labels.
    """

    loaded: LoadedMatrix
    cells: tuple[Cell, ...]
    warnings: tuple[str, ...]
    arrangements: Mapping[str, Choice]
    embedders: Mapping[str, Choice]


class _Axes(NamedTuple):
    models: list[tuple[ModelEntry, ModelSource]]
    datasets: list[Choice]
    embedders: list[Choice]
    arrangements: list[Choice]
    metrics: list[Choice]


def build_plan(loaded: LoadedMatrix, registry: Registry) -> Plan:
    """All cells of a matrix, not yet compared with a store. Imports no torch.

    Raises:
        ZsgError: The matrix names something that is unknown or broken, or comes to no cell at all.
    """
    matrix = loaded.matrix
    expander = Expander(registry, loaded.base_dir)
    axes = _axes(loaded, expander)
    _check_expectations(loaded, axes.arrangements)
    fingerprints = {choice.label: _fingerprint(choice) for choice in axes.datasets}
    cells: dict[str, Cell] = {}
    for point in _points(matrix, axes):
        for cell in _cells(loaded, axes.metrics, point, fingerprints[point.dataset.label]):
            same = cells.get(cell.cell_id)
            if same is not None:
                seeds = tuple(dict.fromkeys((*same.user_seeds, *cell.user_seeds)))
                cell = same.model_copy(update={"user_seeds": seeds})
            cells[cell.cell_id] = cell
    if not cells:
        raise ZsgError(f"{loaded.origin}: the matrix has no cells")
    return Plan(
        loaded=loaded,
        cells=tuple(cells.values()),
        warnings=(*expander.warnings, *_idle_metrics(matrix, axes.metrics)),
        arrangements={choice.label: choice for choice in axes.arrangements},
        embedders={choice.label: choice for choice in axes.embedders},
    )


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


def _check_expectations(loaded: LoadedMatrix, arrangements: Sequence[Choice]) -> None:
    known = [choice.label for choice in arrangements]
    for expectation in loaded.matrix.expect:
        for name in (expectation.lower, expectation.than):
            if name not in known:
                raise ZsgError(
                    f"{loaded.origin}: 'expect' names {name!r}, which is no arrangement of the matrix"
                    f"{did_you_mean(name, known)}"
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


def _idle_metrics(matrix: Matrix, metrics: list[Choice]) -> Iterator[str]:
    """Metrics that will have nothing to score."""
    if not matrix.data.probe_per_task:
        for choice in metrics:
            metric = choice.components[0]
            assert isinstance(metric, Metric)
            if metric.scope == "seen":
                yield f"metric {choice.label!r} scores held-out examples of seen tasks: set data.probe_per_task"


def _fingerprint(choice: Choice) -> str:
    dataset = choice.components[0]
    assert isinstance(dataset, Dataset)
    return dataset.fingerprint()


def _points(matrix: Matrix, axes: _Axes) -> Iterator[Point]:
    product = itertools.product(axes.models, axes.datasets, matrix.matrix.budgets, axes.arrangements)
    for (model, source), dataset, budget, arrangement in product:
        embedders: list[Choice | None] = [None]
        if Need.EMBEDDER in arrangement.needs:
            embedders = list(axes.embedders)
            if not embedders:
                raise ZsgError(f"arrangement {arrangement.label!r} needs an embedder: name one in matrix.embedders")
        for embedder in embedders:
            point = Point(model, source, dataset, embedder, arrangement, budget)
            if _coupled(matrix, _labels(point)):
                yield point


def _labels(point: Point) -> Labels:
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
    own = labels.model_dump() if matrix.couple else {}
    for couple in matrix.couple:
        wanted = couple.model_dump(exclude_none=True)
        hits = {own[axis] == value for axis, value in wanted.items() if own[axis] is not None}
        if len(hits) > 1:
            return False
    return True


def _training(matrix: Matrix, labels: Labels) -> TrainingTable:
    """The training settings of a cell: `[training]` with every matching `[[override]]` over it, in order."""
    if not matrix.override:
        return matrix.training
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


def _cells(loaded: LoadedMatrix, metrics: list[Choice], point: Point, fingerprint: str) -> Iterator[Cell]:
    """A combination's cells: one for all seeds that come to the same."""
    matrix = loaded.matrix
    labels = _labels(point)
    training = _training(matrix, labels)
    spec = PointSpec(matrix, point, training, fingerprint, metrics, loaded.base_dir)
    reason = _reason_to_skip(point, matrix, training, metrics)
    common: dict[str, Any] = {
        "labels": labels,
        "access": point.arrangement.access,
        "arrangement": str(point.arrangement.pipeline),
        "dataset": str(point.dataset.pipeline),
        "embedder": None if point.embedder is None else str(point.embedder.pipeline),
        "metrics": tuple(str(choice.pipeline) for choice in metrics),
        "model": point.model,
        "model_hash": point.source.content,
        "budget": point.budget,
        "data": matrix.data,
        "training": training,
        "evaluation": matrix.evaluation,
        "base_dir": str(loaded.base_dir),
        "given_training": tuple(sorted(training.model_fields_set)),
        "state": "run" if reason is None else "skipped",
        "reason": reason,
    }
    named: dict[CellSeeds, list[str]] = {}
    for user in matrix.matrix.seeds:
        named.setdefault(spec.seeds(user), []).append(_seed_name(user))
    for seeds, names in named.items():
        documents = {"shared": spec.shared(seeds), "arranged": spec.arranged(seeds), "evaluation": spec.evaluation}
        yield Cell(**common, **_identities(documents), seeds=seeds, user_seeds=tuple(names), spec=documents)


def _identities(spec: dict[str, Any]) -> dict[str, Any]:
    parts = {part: canonical(document) for part, document in spec.items()}
    return {
        "cell_id": hashed(joined(parts)),
        "training_id": hashed(joined({part: parts[part] for part in ("shared", "arranged")})),
        "block": hashed(joined({part: parts[part] for part in ("shared", "evaluation")})),
    }


def _reason_to_skip(point: Point, matrix: Matrix, training: TrainingTable, metrics: list[Choice]) -> str | None:
    arrangement = point.arrangement
    if isinstance(arrangement.components[0], OnlineArrangement):
        if len(arrangement.components) > 1:
            return f"{arrangement.label}: a transform needs the whole order, and an online arrangement has none"
        if training.epochs > 1:
            return f"{arrangement.label} is online, which is for one epoch"
        if arrangement.access is not Access.ANSWERS and not matrix.data.probe_per_task:
            return f"{arrangement.label} goes by losses on held-out examples: set data.probe_per_task"
    for choice in (point.dataset, point.embedder, arrangement, *metrics):
        reason = None if choice is None else choice.unavailable()
        if reason is not None:
            assert choice is not None
            return f"{choice.label} is not available: {reason}"
    return None


def _seed_name(seed: int | SeedTable) -> str:
    return str(seed) if isinstance(seed, int) else f"data={seed.data},order={seed.order},train={seed.train}"
