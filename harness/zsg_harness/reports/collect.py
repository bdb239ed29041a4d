"""Reading a store: its frozen plans, its cells, and every score of the finished ones.

This is the only module that touches the store. Whatever is damaged is one error that names the file, because
a report that silently leaves something out would be believed.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
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


def collect(store: Path, matrix: str | None = None) -> Results:
    """Read the cells of one matrix of a store, or of all.

    Args:
        store: The store's folder.
        matrix: The name of a matrix, or the stem `<name>-<hash>` of one frozen plan. None reads every cell of
            the store, those of no plan included.

    Raises:
        ZsgError: There is no such store or matrix, or a file in it is damaged.
    """
    if not (store / "cells").is_dir() and not (store / "matrices").is_dir():
        raise ZsgError(f"{store}: not a store (neither 'cells' nor 'matrices' in it)")
    plans = _plans(store, matrix)
    planned: dict[str, PlannedCell] = {}
    seeds: dict[str, set[str]] = {}
    for plan in plans.values():
        for entry in plan.cells:
            planned.setdefault(entry.cell_id, entry)
            seeds.setdefault(entry.cell_id, set()).update(map(_seed_text, entry.seeds))
    cell_ids = list(planned)
    if matrix is None:
        cell_ids += [cell_id for cell_id in _folders(store / "cells") if cell_id not in planned]

    finished: list[FinishedCell] = []
    open_cells: list[OpenCell] = []
    tables: list[pa.Table] = []
    directions: dict[str, Direction] = {}
    for cell_id in cell_ids:
        folder, covered = store / "cells" / cell_id, tuple(sorted(seeds.get(cell_id, ())))
        if (folder / "done.json").is_file():
            cell, done = _finished(folder, covered)
            finished.append(cell)
            tables.append(_scores(folder / done.attempt, done, cell_id, directions))
        else:
            open_cells.extend(_open(folder, planned.get(cell_id), covered))
    table = pa.concat_tables([*tables, _LONG_SCORES.empty_table()]).unify_dictionaries()
    return Results(plans, tuple(finished), tuple(open_cells), table.to_pandas(), directions)


def _plans(store: Path, matrix: str | None) -> dict[str, PlanRecord]:
    files = {path.stem: path for path in sorted((store / "matrices").glob("*.json"))}
    plans = {stem: _parse(PlanRecord, path) for stem, path in files.items()}
    if matrix is None:
        return plans
    chosen = {stem: plan for stem, plan in plans.items() if matrix in (stem, plan.name)}
    if not chosen:
        names = {plan.name for plan in plans.values()}
        raise ZsgError(f"{store}: no matrix {matrix!r} in this store{did_you_mean(matrix, names)}")
    return chosen


def _finished(folder: Path, covered: tuple[str, ...]) -> tuple[FinishedCell, DoneRecord]:
    record, done = _parse(CellRecord, folder / "cell.json"), _parse(DoneRecord, folder / "done.json")
    path = folder / done.attempt / "status.json"
    status = _parse(StatusRecord, path, done)
    if status.set_hash is None or status.order_hash is None or status.held_out is None:
        raise ZsgError(f"{path}: damaged (a finished attempt without set_hash, order_hash or held_out)")
    seeds = covered or (_seed_text(record.seeds.model_dump()),)
    facts = (status.set_hash, status.order_hash, status.held_out)
    return FinishedCell(folder.name, record.labels, seeds, record, status, *facts), done


def _open(folder: Path, planned: PlannedCell | None, covered: tuple[str, ...]) -> Iterable[OpenCell]:
    """The cell of a folder without a result; none if nothing says what it was going to be."""
    if (folder / "cell.json").is_file():
        record = _parse(CellRecord, folder / "cell.json")
        labels, seeds = record.labels, covered or (_seed_text(record.seeds.model_dump()),)
    elif planned is not None:
        labels, seeds = planned.labels, covered
    else:
        return
    state, reason = _newest_state(folder)
    if planned is not None and planned.state == "skipped":
        state, reason = "skipped", planned.reason or ""
    yield OpenCell(folder.name, labels, seeds, state, reason)


def _newest_state(folder: Path) -> tuple[OpenState, str]:
    """How the newest attempt in a cell's folder ended."""
    attempts = [
        (status.started or "", name, status)
        for name in _folders(folder)
        if (folder / name / "status.json").is_file()
        for status in [_parse(StatusRecord, folder / name / "status.json")]
    ]
    if not attempts:
        return "unfinished", "not started"
    status = max(attempts, key=lambda attempt: attempt[:2])[2]
    if status.state == "failed" or status.state == "skipped":
        return status.state, status.reason or "no reason recorded"
    return "unfinished", "running or interrupted"


def _scores(attempt: Path, done: DoneRecord, cell_id: str, directions: dict[str, Direction]) -> pa.Table:
    """The scores of one attempt with its cell and each metric's scope; adds to `directions`.

    Metrics that were added after the cell was done lie in files of their own beside the first.
    """
    metrics: dict[str, MetricRecord] = {}
    for path in sorted(attempt.glob("metrics*.json")):
        metrics |= _metrics(path, done)
    for name, metric in metrics.items():
        if directions.setdefault(name, metric.direction) != metric.direction:
            raise ZsgError(f"{attempt}: metric {name!r} is better {metric.direction} only here")
    paths = sorted(attempt.glob("scores*.parquet")) or [attempt / "scores.parquet"]
    table = pa.concat_tables([_score_table(path, done) for path in paths])
    names = pc.unique(table["metric"]).to_pylist()
    if unknown := [name for name in names if name not in metrics]:
        raise ZsgError(f"{attempt}: no direction and scope in metrics*.json for metric {unknown[0]!r}")
    if not any(name == LOSS and metrics[name].scope == "unseen" for name in names):
        raise ZsgError(f"{paths[0]}: damaged (no loss on unseen tasks in it)")
    scopes = pa.array([metrics[name].scope for name in names], pa.string())
    scope = scopes.take(pc.index_in(table["metric"].combine_chunks(), pa.array(names, pa.string())))
    cell = pa.repeat(pa.scalar(cell_id), len(table))
    columns = [cell, scope, *table.columns]
    return pa.table(dict(zip(_LONG_SCORES.names, columns, strict=True))).cast(_LONG_SCORES)


def _score_table(path: Path, done: DoneRecord) -> pa.Table:
    data = _read(path, done)
    try:
        table = pq.read_table(io.BytesIO(data)).select(SCORES.names).cast(SCORES)
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise ZsgError(f"{path}: damaged ({_one_line(error)})") from error
    # A set without tasks is one group, whatever the column says.
    return table.set_column(2, "task", pc.fill_null(table["task"], ""))


def _metrics(path: Path, done: DoneRecord) -> dict[str, MetricRecord]:
    try:
        return _METRICS.validate_json(_read(path, done))
    except ValidationError as error:
        raise ZsgError(f"{path}: damaged ({_first_fault(error)})") from error


def _parse(record: type[_R], path: Path, done: DoneRecord | None = None) -> _R:
    try:
        return record.model_validate_json(_read(path, done))
    except ValidationError as error:
        raise ZsgError(f"{path}: damaged ({_first_fault(error)})") from error


def _read(path: Path, done: DoneRecord | None = None) -> bytes:
    """The bytes of a file, checked against the hash it was committed with if there is one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ZsgError(f"{path}: cannot be read ({error.strerror})") from error
    committed = done.files.get(path.name) if done else None
    if committed is not None and hashlib.sha256(data).hexdigest() != committed:
        raise ZsgError(f"{path}: damaged (its sha256 is not the one in done.json)")
    return data


def _folders(path: Path) -> list[str]:
    if not path.is_dir():
        return []
    return sorted(entry.name for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))


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
