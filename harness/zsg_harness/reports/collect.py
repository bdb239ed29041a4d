"""Reading a store: its frozen plans, its cells, and every score of the finished ones.

This is the only module that touches the store. Whatever is damaged is one error that names the file, because
a report that silently leaves something out would be believed.
"""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from zsg_harness.reports.records import (
    CellRecord,
    Direction,
    DoneRecord,
    Labels,
    MetricRecord,
    PlannedCell,
    PlanRecord,
    Record,
    StatusRecord,
)
from zsg_harness.reports.summary import LOSS
from zsg_harness.store.files import reason_of
from zsg_harness.store.formats import parquet_table
from zsg_harness.store.store import Store
from zsg_harness.store.tables import SCORES
from zsg_registry.errors import ZsgError, did_you_mean

_R = TypeVar("_R", bound=Record)
_METRICS = TypeAdapter(dict[str, MetricRecord])
_CATEGORY = pa.dictionary(pa.int32(), pa.string())
_LONG_SCORES = pa.schema(
    [("cell", _CATEGORY), ("scope", _CATEGORY)]
    + [(field.name, _CATEGORY if field.type == pa.string() else field.type) for field in SCORES]
)

OpenState = Literal["failed", "skipped", "unfinished"]


@dataclass(frozen=True, slots=True)
class FinishedCell:
    """A committed cell.

    Attributes:
        seeds: The user seeds that coincide in this cell, each as its canonical text.
        status: The committed attempt's status.
        set_hash: The multiset of the trained examples.
        order_hash: Their order, with the ends of the optimizer steps.
        held_out: What was scored: "unseen tasks", or "held-out examples" of data without tasks.
    """

    cell_id: str
    labels: Labels
    seeds: tuple[str, ...]
    record: CellRecord
    status: StatusRecord
    set_hash: str
    order_hash: str
    held_out: str


@dataclass(frozen=True, slots=True)
class OpenCell:
    """A cell without a result, and why."""

    cell_id: str
    labels: Labels
    seeds: tuple[str, ...]
    state: OpenState
    reason: str


@dataclass(frozen=True, slots=True)
class Results:
    """What a store holds.

    Attributes:
        plans: The frozen plans read, by the stem of their file, `<name>-<hash>`.
        finished: The committed cells in the order of the plans.
        open: The cells that have no result.
        scores: One row for each cell × step × task × metric: `cell`, `scope`, `step`, `tokens`, `task`,
            `metric`, `value`, `count`.
        directions: Which way each metric is better.
    """

    plans: Mapping[str, PlanRecord]
    finished: tuple[FinishedCell, ...]
    open: tuple[OpenCell, ...]
    scores: pd.DataFrame
    directions: Mapping[str, Direction]


def collect(store: Store, matrix: str | None = None) -> Results:
    """Read the cells of one matrix of a store, or of all.

    Args:
        store: The store.
        matrix: The name of a matrix, or the stem `<name>-<hash>` of one frozen plan. None reads every cell of
            the store, those of no plan included.

    Raises:
        ZsgError: There is no such store or matrix, or a file in it is damaged.
    """
    if not store.exists:
        raise ZsgError(f"{store.url}: not a store (neither 'cells' nor 'matrices' in it)")
    plans = _plans(store, matrix)
    planned: dict[str, PlannedCell] = {}
    seeds: dict[str, set[str]] = {}
    for plan in plans.values():
        for entry in plan.cells:
            planned.setdefault(entry.cell_id, entry)
            seeds.setdefault(entry.cell_id, set()).update(map(_seed_text, entry.seeds))
    cell_ids = list(planned)
    if matrix is None:
        cell_ids += [cell_id for cell_id in store.cell_ids() if cell_id not in planned]

    done_cells = store.done_cells()
    finished: list[FinishedCell] = []
    open_cells: list[OpenCell] = []
    tables: list[pa.Table] = []
    directions: dict[str, Direction] = {}
    for cell_id in cell_ids:
        covered = tuple(sorted(seeds.get(cell_id, ())))
        if cell_id in done_cells:
            cell, done = _finished(store, cell_id, covered)
            finished.append(cell)
            tables.append(_scores(store, cell_id, done, directions))
        else:
            open_cells.extend(_open(store, cell_id, planned.get(cell_id), covered))
    table = pa.concat_tables([*tables, _LONG_SCORES.empty_table()]).unify_dictionaries()
    return Results(plans, tuple(finished), tuple(open_cells), table.to_pandas(), directions)


def _plans(store: Store, matrix: str | None) -> dict[str, PlanRecord]:
    plans = {
        name.removesuffix(".json"): _parse(PlanRecord, store, f"matrices/{name}")
        for name in store.files.names("matrices")
        if name.endswith(".json")
    }
    if matrix is None:
        return plans
    chosen = {stem: plan for stem, plan in plans.items() if matrix in (stem, plan.name)}
    if not chosen:
        names = {plan.name for plan in plans.values()}
        raise ZsgError(f"{store.url}: no matrix {matrix!r} in this store{did_you_mean(matrix, names)}")
    return chosen


def _finished(store: Store, cell_id: str, covered: tuple[str, ...]) -> tuple[FinishedCell, DoneRecord]:
    folder = f"cells/{cell_id}"
    record, done = _parse(CellRecord, store, f"{folder}/cell.json"), _parse(DoneRecord, store, f"{folder}/done.json")
    key = f"{folder}/{done.attempt}/status.json"
    status = _parse(StatusRecord, store, key, done)
    if status.set_hash is None or status.order_hash is None or status.held_out is None:
        raise ZsgError(f"{store.url}/{key}: damaged (a finished attempt without set_hash, order_hash or held_out)")
    seeds = covered or (_seed_text(record.seeds.model_dump()),)
    facts = (status.set_hash, status.order_hash, status.held_out)
    return FinishedCell(cell_id, record.labels, seeds, record, status, *facts), done


def _open(store: Store, cell_id: str, planned: PlannedCell | None, covered: tuple[str, ...]) -> Iterable[OpenCell]:
    """The cell of a folder without a result; none if nothing says what it was going to be."""
    key = f"cells/{cell_id}/cell.json"
    if store.files.exists(key):
        record = _parse(CellRecord, store, key)
        labels, seeds = record.labels, covered or (_seed_text(record.seeds.model_dump()),)
    elif planned is not None:
        labels, seeds = planned.labels, covered
    else:
        return
    state, reason = _newest_state(store, cell_id)
    if planned is not None and planned.state == "skipped":
        state, reason = "skipped", planned.reason or ""
    yield OpenCell(cell_id, labels, seeds, state, reason)


def _newest_state(store: Store, cell_id: str) -> tuple[OpenState, str]:
    """How the newest attempt at a cell ended."""
    attempts = [
        (status.started or "", attempt.name, status)
        for attempt in store.attempts(cell_id)
        if "status.json" in attempt.names()
        for status in [_parse(StatusRecord, store, f"{attempt.key}/status.json")]
    ]
    if not attempts:
        return "unfinished", "not started"
    status = max(attempts, key=lambda attempt: attempt[:2])[2]
    if status.state == "failed" or status.state == "skipped":
        return status.state, status.reason or "no reason recorded"
    return "unfinished", "running or interrupted"


def _scores(store: Store, cell_id: str, done: DoneRecord, directions: dict[str, Direction]) -> pa.Table:
    """The scores of the attempt that counts, with its cell and each metric's scope; adds to `directions`.

    Metrics that were added after the cell was done lie in files of their own beside the first.
    """
    attempt = f"cells/{cell_id}/{done.attempt}"
    names = store.files.names(attempt)
    metrics: dict[str, MetricRecord] = {}
    for name in fnmatch.filter(names, "metrics*.json"):
        metrics |= _metrics(store, f"{attempt}/{name}", done)
    for output, metric in metrics.items():
        if directions.setdefault(output, metric.direction) != metric.direction:
            raise ZsgError(f"{store.url}/{attempt}: metric {output!r} is better {metric.direction} only here")
    files = fnmatch.filter(names, "scores*.parquet") or ["scores.parquet"]
    table = pa.concat_tables([_score_table(store, f"{attempt}/{name}", done) for name in files])
    outputs = pc.unique(table["metric"]).to_pylist()
    if unknown := [output for output in outputs if output not in metrics]:
        raise ZsgError(f"{store.url}/{attempt}: no direction and scope in metrics*.json for metric {unknown[0]!r}")
    if not any(output == LOSS and metrics[output].scope == "unseen" for output in outputs):
        raise ZsgError(f"{store.url}/{attempt}/{files[0]}: damaged (no loss on unseen tasks in it)")
    scopes = pa.array([metrics[output].scope for output in outputs], pa.string())
    scope = scopes.take(pc.index_in(table["metric"].combine_chunks(), pa.array(outputs, pa.string())))
    cell = pa.repeat(pa.scalar(cell_id), len(table))
    columns = [cell, scope, *table.columns]
    return pa.table(dict(zip(_LONG_SCORES.names, columns, strict=True))).cast(_LONG_SCORES)


def _score_table(store: Store, key: str, done: DoneRecord) -> pa.Table:
    name = f"{store.url}/{key}"
    table = parquet_table(_read(store, key, done), name)
    try:
        table = table.select(SCORES.names).cast(SCORES)
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise ZsgError(f"{name}: damaged ({_one_line(error)})") from error
    # A set without tasks is one group, whatever the column says.
    return table.set_column(2, "task", pc.fill_null(table["task"], ""))


def _metrics(store: Store, key: str, done: DoneRecord) -> dict[str, MetricRecord]:
    try:
        return _METRICS.validate_json(_read(store, key, done))
    except ValidationError as error:
        raise ZsgError(f"{store.url}/{key}: damaged ({_first_fault(error)})") from error


def _parse(record: type[_R], store: Store, key: str, done: DoneRecord | None = None) -> _R:
    try:
        return record.model_validate_json(_read(store, key, done))
    except ValidationError as error:
        raise ZsgError(f"{store.url}/{key}: damaged ({_first_fault(error)})") from error


def _read(store: Store, key: str, done: DoneRecord | None = None) -> bytes:
    """The bytes of a file, checked against the hash it was committed with if there is one."""
    try:
        data = store.files.read(key)
    except OSError as error:
        raise ZsgError(f"{store.url}/{key}: cannot be read ({reason_of(error)})") from error
    committed = done.files.get(key.rpartition("/")[2]) if done else None
    if committed is not None and hashlib.sha256(data).hexdigest() != committed:
        raise ZsgError(f"{store.url}/{key}: damaged (its sha256 is not the one in done.json)")
    return data


def _seed_text(seed: int | str | Mapping[str, int | None]) -> str:
    """A user seed as text: `0`, or a table `data=0 order=1` without the streams that change nothing."""
    if isinstance(seed, int | str):
        return str(seed)
    given = {stream: value for stream, value in seed.items() if value is not None}
    return " ".join(f"{stream}={value}" for stream, value in sorted(given.items())) or "any"


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, fault["loc"]))
    return _one_line(f"{where}: {fault['msg']}" if where else fault["msg"])


def _one_line(fault: object) -> str:
    return " ".join(str(fault).split()) or type(fault).__name__
