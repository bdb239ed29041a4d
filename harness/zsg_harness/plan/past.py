"""What finished cells of a store tell of those to come. Each is one or two small files; of many, a spread is read."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import Any, Final, NamedTuple, TypeVar

from zsg_harness.evaluation.steps import evaluation_steps
from zsg_harness.matrix.schema import EvaluationTable
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.estimate import Estimator, Rates, kind_of
from zsg_harness.plan.history import History, Name
from zsg_harness.store.store import Store
from zsg_registry import ZsgError

_T = TypeVar("_T")

_DESCRIPTIONS: Final = 1000
"""Cells of earlier plans that are looked at, at most."""

_MEASURED: Final = 200
"""Finished cells whose times and sizes are read, at most."""

_REMOTE: Final = 40
"""The same of a store on another machine, where each takes several requests."""

_OF_AN_ARRANGEMENT: Final = 3
"""Cells of one arrangement that are read."""

_GROW_BY_EXAMPLE: Final = ("order.parquet", "receipt.parquet", "train.parquet")
_GROW_BY_EVALUATION: Final = ("examples.parquet", "scores.parquet")


_Alike = tuple[str, str, str | None]
"""Kind, arrangement and embedder."""


class Finished(NamedTuple):
    """A finished cell."""

    name: Name
    cell_id: str
    spec: Mapping[str, Any]


def finished_cells(cells: Sequence[Cell], store: Store) -> list[Finished]:
    """Finished cells on the data and models of some cells: those among them, and such as earlier plans asked for."""
    found = [Finished(Name.of(cell.labels), cell.cell_id, cell.spec) for cell in cells if cell.state == "done"]
    planned = {cell.cell_id for cell in cells}
    others = [(cell_id, name) for cell_id, name in _telling(cells, History(store)).items() if cell_id not in planned]
    for cell_id, name in spread(others, _DESCRIPTIONS if store.files.folder is not None else _REMOTE):
        if store.is_done(cell_id):
            try:
                found.append(Finished(name, cell_id, store.read_cell(cell_id)["spec"]))
            except (ZsgError, KeyError):
                continue  # a damaged cell tells nothing
    return found


def _telling(cells: Sequence[Cell], history: History) -> dict[str, Name]:
    """Cells of earlier plans: for each name one, and for each seed one of those that share data, embedder and model."""
    wanted = {(cell.labels.dataset, cell.labels.model) for cell in cells}
    found: dict[tuple[Name, str | None], tuple[str, Name]] = {}
    for name, seed, cell_id in history.newest():
        if (name.dataset, name.model) in wanted:
            found[name, None] = found[name._replace(arrangement="", budget=""), seed] = cell_id, name
    return dict(found.values())


def spread(items: Sequence[_T], most: int) -> Sequence[_T]:
    """At most so many of some items, from all over them."""
    return items[:: math.ceil(len(items) / most) or 1]


def past_rates(finished: Sequence[Finished], store: Store, save_model: bool = False) -> Estimator:
    """How fast finished cells were, on the device of the newest one of each kind.

    Args:
        finished: The cells.
        store: Where they are.
        save_model: Whether the cells to come keep their models.
    """
    alike: dict[_Alike, list[Finished]] = {}
    for cell in finished:
        alike.setdefault((kind_of(cell.spec), cell.name.arrangement, cell.name.embedder), []).append(cell)
    some = [(key, cell) for key, cells in alike.items() for cell in spread(cells, _OF_AN_ARRANGEMENT)]
    records: dict[_Alike, list[_Record]] = {}
    for key, cell in spread(some, _MEASURED if store.files.folder is not None else _REMOTE):
        records.setdefault(key, []).extend(_measured(cell, store))
    of_kinds: dict[str, list[_Record]] = {}
    for (kind, _, _), own in records.items():
        of_kinds.setdefault(kind, []).extend(own)
    devices = {kind: max(own, key=lambda record: record.when).device for kind, own in of_kinds.items() if own}
    estimator = Estimator()
    for kind, device in devices.items():
        estimator.of_kinds[kind] = replace(_rates(_on(device, of_kinds[kind]), save_model), used=1.0)
    for key, own in records.items():
        if there := _on(devices.get(key[0]), own):
            estimator.of_arrangements[key] = _rates(there, save_model)
    return estimator


@dataclass(frozen=True, slots=True)
class _Record:
    """What a finished cell took."""

    when: str
    device: str
    pool: int
    nominal: float
    examples: int
    tokens: int
    evaluations: int
    training: float
    evaluating: float
    besides: float
    sizes: Mapping[str, int]


def _measured(cell: Finished, store: Store) -> Iterator[_Record]:
    """The record of a finished cell, if its status has all that is needed."""
    try:
        attempt = store.committed(cell.cell_id)
        if attempt is None:
            return
        status = attempt.read_json("status")
        told = status["timings"]
        shared = cell.spec["shared"]
        epochs, budget = shared["training"]["epochs"], shared["budget"]
        pool, examples = status["roles"]["pool"], status["examples"]
        nominal = examples if isinstance(budget, dict) else epochs * (pool if budget == "all" else budget)
        worked = told["train"] + told["evaluate"]
        yield _Record(
            when=attempt.name,
            device=device_words(status["provenance"]),
            pool=pool,
            nominal=nominal,
            examples=examples,
            tokens=status["tokens"],
            evaluations=len(evaluation_steps(_evaluation(cell.spec), status["steps"])),
            training=told["train"],
            evaluating=told["evaluate"],
            besides=max(0.0, status["seconds"] - worked),  # of one that was resumed, the last attempt is timed alone
            sizes=attempt.sizes(),
        )
    except (ZsgError, KeyError, TypeError, OSError):
        return  # an older or damaged one


def _evaluation(spec: Mapping[str, Any]) -> EvaluationTable:
    steps = spec["evaluation"]["steps"]
    return EvaluationTable(every=steps) if isinstance(steps, int) else EvaluationTable(steps=steps)


def device_words(provenance: Mapping[str, Any]) -> str:
    """A device of a cell's provenance, as far as it tells how fast cells are."""
    name = str(provenance["device_name"])
    threads = provenance["threads"]
    return name if str(provenance["device"]) != "cpu" else f"{name}, {threads} thread{'s' if threads != 1 else ''}"


def _on(device: str | None, records: Sequence[_Record]) -> list[_Record]:
    return [record for record in records if record.device == device]


def _rates(records: Sequence[_Record], save_model: bool) -> Rates:
    examples = max(1, sum(record.examples for record in records))
    tokens = max(1, sum(record.tokens for record in records))
    evaluations = max(1, sum(record.evaluations for record in records))
    models = [size for record in records if (size := _bytes([record], lambda name: "/" in name))]
    growing = (*_GROW_BY_EXAMPLE, *_GROW_BY_EVALUATION)
    return Rates(
        basis=f"finished cells on {records[0].device}",
        cells=len(records),
        pool=records[-1].pool,
        tokens_per_example=tokens / examples,
        seconds_per_token=sum(record.training for record in records) / tokens,
        seconds_per_evaluation=sum(record.evaluating for record in records) / evaluations,
        seconds_besides=median(record.besides for record in records),  # one of them may have embedded for all
        used=examples / max(1.0, sum(record.nominal for record in records)),
        bytes_besides=_bytes(records, lambda name: "/" not in name and name not in growing) / len(records),
        bytes_per_example=_bytes(records, _GROW_BY_EXAMPLE.__contains__) / examples,
        bytes_per_evaluation=_bytes(records, _GROW_BY_EVALUATION.__contains__) / evaluations,
        bytes_of_model=max(models, default=0) if save_model else 0,
    )


def _bytes(records: Sequence[_Record], counts: Callable[[str], bool]) -> int:
    """The bytes of some files of all records."""
    return sum(size for record in records for name, size in record.sizes.items() if counts(name))
