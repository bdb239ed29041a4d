"""Reading finished cells: from the store's index where they are in it, else file by file, with every hash checked."""

from __future__ import annotations

import fnmatch
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import TypeAdapter, ValidationError

from zsg_harness.reports.records import CellRecord, Direction, DoneRecord, Labels, MetricRecord, Record, StatusRecord
from zsg_harness.reports.summary import LOSS
from zsg_harness.seed_text import seed_text
from zsg_harness.store.formats import parquet_table
from zsg_harness.store.index import ROWS, Index, cell_state
from zsg_harness.store.store import Store
from zsg_harness.store.tables import SCORES
from zsg_registry.errors import ZsgError

_R = TypeVar("_R", bound=Record)
_METRICS: Final = TypeAdapter(dict[str, MetricRecord])
_CATEGORIES: Final = ("scope", "task", "metric")
_TOGETHER: Final = 1000


@dataclass(frozen=True, slots=True)
class FinishedCell:
    """A committed cell.

    Attributes:
        seeds: The user seeds that coincide in this cell, each as its canonical text.
        status: The committed attempt's status.
        set_hash: The multiset of the trained examples.
        order_hash: Their order, with the ends of the optimizer steps.
        held_out: What was scored: "unseen tasks", or "held-out examples" of data without tasks.
        without: Scores without the examples that the pool has too, where there are such.
    """

    cell_id: str
    labels: Labels
    seeds: tuple[str, ...]
    record: CellRecord
    status: StatusRecord
    set_hash: str
    order_hash: str
    held_out: str
    without: Mapping[str, float]

    @property
    def oracle(self) -> bool:
        """Whether its arrangement saw the very examples that are scored."""
        return self.record.oracle and self.record.access != "none"


class Finished(NamedTuple):
    """Finished cells in the order asked for, their scores (see `Results`), which way each metric is better, and those
    of which the mean over tasks is geometric.
    """

    cells: list[FinishedCell]
    scores: pd.DataFrame
    directions: dict[str, Direction]
    geometric: frozenset[str]


def read_finished(store: Store, seeds: Mapping[str, tuple[str, ...]]) -> Finished:
    """Read committed cells, and add them to the index if many were not in it.

    Args:
        store: The store.
        seeds: The cells, each with the user seeds that it stands for; none where no plan tells.

    Raises:
        ZsgError: A file is damaged.
    """
    # The states are taken first: what changes while a cell is read makes its row in the index invalid.
    states = {cell_id: cell_state(files) for cell_id, files in store.cell_files(seeds).items()}
    index = Index(store.files)
    known = index.read(states)
    there = set(known["cell_id"].to_pylist())
    read = _one_by_one(store, {cell_id: state for cell_id, state in states.items() if cell_id not in there})
    with suppress(Exception):  # whoever may only read a store may read it all the same; file systems differ in errors
        index.add(read)
    return _typed(store, pa.concat_tables([known, read]), seeds)


def parse(record: type[_R], data: str | bytes, name: str) -> _R:
    """A record from JSON.

    Raises:
        ZsgError: It is damaged; `name` says which file it is.
    """
    try:
        return record.model_validate_json(data)
    except ValidationError as error:
        raise ZsgError(f"{name}: damaged ({_first_fault(error)})") from error


def read_bytes(store: Store, key: str, done: DoneRecord | None = None) -> bytes:
    """The bytes of a file, checked against the hash it was committed with if there is one.

    Raises:
        ZsgError: It cannot be read, or is another file.
    """
    try:
        data = store.files.read(key)
    except OSError as error:
        raise ZsgError(f"{store.url}/{key}: cannot be read ({error.strerror or error})") from error
    committed = done.files.get(key.rpartition("/")[2]) if done else None
    if committed is not None and hashlib.sha256(data).hexdigest() != committed:
        raise ZsgError(f"{store.url}/{key}: damaged (its sha256 is not the one in done.json)")
    return data


def _one_by_one(store: Store, states: Mapping[str, str]) -> pa.Table:
    """The index's rows of some cells, from their files."""
    tables = [ROWS.empty_table()]
    cells = list(states.items())
    for start in range(0, len(cells), _TOGETHER):
        rows = [_row(store, cell_id, state) for cell_id, state in cells[start : start + _TOGETHER]]
        tables.append(pa.concat_tables(rows).combine_chunks())
    return pa.concat_tables(tables)


def _row(store: Store, cell_id: str, state: str) -> pa.Table:
    folder = f"cells/{cell_id}"
    cell, data = read_bytes(store, f"{folder}/cell.json"), read_bytes(store, f"{folder}/done.json")
    parse(CellRecord, cell, f"{store.url}/{folder}/cell.json")
    done = parse(DoneRecord, data, f"{store.url}/{folder}/done.json")
    attempt = f"{folder}/{done.attempt}"
    status = read_bytes(store, f"{attempt}/status.json", done)
    told = parse(StatusRecord, status, f"{store.url}/{attempt}/status.json")
    if told.set_hash is None or told.order_hash is None or told.held_out is None:
        fault = "a finished attempt without set_hash, order_hash or held_out"
        raise ZsgError(f"{store.url}/{attempt}/status.json: damaged ({fault})")
    metrics, scores = _scores(store, attempt, done)
    structs = scores.to_struct_array().combine_chunks()
    row = {
        "cell_id": [cell_id],
        "state": [state],
        "attempt": [attempt],
        "cell": [cell.decode()],
        "status": [status.decode()],
        "metrics": [_METRICS.dump_json(metrics).decode()],
        "scores": pa.ListArray.from_arrays(pa.array([0, len(structs)], pa.int32()), structs),
    }
    return pa.table(row, ROWS)


def _scores(store: Store, attempt: str, done: DoneRecord) -> tuple[dict[str, MetricRecord], pa.Table]:
    """What the attempt that counts says of its metrics, and their scores, each with its metric's scope.

    Metrics that were added after the cell was done lie in files of their own beside the first. They count when
    `metrics.<name>.json` is there, which is written last.
    """
    names = store.files.names(attempt)
    told = fnmatch.filter(names, "metrics*.json")
    metrics: dict[str, MetricRecord] = {}
    for name in told:
        metrics |= _metrics(store, f"{attempt}/{name}", done)
    files = [name.replace("metrics", "scores", 1).removesuffix(".json") + ".parquet" for name in told]
    files = ["scores.parquet", *(name for name in files if name != "scores.parquet")]
    table = pa.concat_tables([_score_table(store, f"{attempt}/{name}", done) for name in files])
    outputs = pc.unique(table["metric"]).to_pylist()
    if unknown := [output for output in outputs if output not in metrics]:
        raise ZsgError(f"{store.url}/{attempt}: no direction and scope in metrics*.json for metric {unknown[0]!r}")
    if not any(output == LOSS and metrics[output].scope == "unseen" for output in outputs):
        raise ZsgError(f"{store.url}/{attempt}/scores.parquet: damaged (no loss on unseen tasks in it)")
    scopes = pa.array([metrics[output].scope for output in outputs], pa.string())
    scope = scopes.take(pc.index_in(table["metric"].combine_chunks(), pa.array(outputs, pa.string())))
    return metrics, table.add_column(0, "scope", scope)


def _score_table(store: Store, key: str, done: DoneRecord) -> pa.Table:
    name = f"{store.url}/{key}"
    table = parquet_table(read_bytes(store, key, done), name)
    try:
        table = table.select(SCORES.names).cast(SCORES)
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise ZsgError(f"{name}: damaged ({_one_line(error)})") from error
    # A set without tasks is one group, whatever the column says.
    return table.set_column(2, "task", pc.fill_null(table["task"], ""))


def _metrics(store: Store, key: str, done: DoneRecord) -> dict[str, MetricRecord]:
    try:
        return _METRICS.validate_json(read_bytes(store, key, done))
    except ValidationError as error:
        raise ZsgError(f"{store.url}/{key}: damaged ({_first_fault(error)})") from error


def _typed(store: Store, rows: pa.Table, seeds: Mapping[str, tuple[str, ...]]) -> Finished:
    """What rows of the index say, in the order of `seeds`, wherever they came from."""
    plain = {row["cell_id"]: row for row in rows.drop_columns("scores").to_pylist()}
    directions: dict[str, Direction] = {}
    geometric: set[str] = set()
    cells = []
    for cell_id, covered in seeds.items():
        row = plain[cell_id]
        told = _told(row["metrics"])
        for output, metric in told.items():
            if directions.setdefault(output, metric.direction) != metric.direction:
                raise ZsgError(
                    f"{store.url}/{row['attempt']}: metric {output!r} is better {metric.direction} only here"
                )
            if metric.averaging == "geometric":
                geometric.add(output)
        record = parse(CellRecord, row["cell"], f"{store.url}/cells/{cell_id}/cell.json")
        status = parse(StatusRecord, row["status"], f"{store.url}/{row['attempt']}/status.json")
        assert status.set_hash is not None
        assert status.order_hash is not None
        assert status.held_out is not None
        named = covered or (seed_text(record.seeds.model_dump()),)
        facts = (status.set_hash, status.order_hash, status.held_out)
        without = {output: metric.without for output, metric in told.items() if metric.without is not None}
        cells.append(FinishedCell(cell_id, record.labels, named, record, status, *facts, without))
    return Finished(cells, _long(rows, list(seeds)), directions, frozenset(geometric))


@cache
def _told(metrics: str) -> dict[str, MetricRecord]:
    return _METRICS.validate_json(metrics)


def _long(rows: pa.Table, cell_ids: Sequence[str]) -> pd.DataFrame:
    """All scores, one a line, cell after cell."""
    places = {cell_id: place for place, cell_id in enumerate(cell_ids)}
    frame: pd.DataFrame = pa.concat_tables(_flat(rows, places)).unify_dictionaries().to_pandas()
    order = np.argsort(frame["cell"].to_numpy(), kind="stable")
    frame = frame.take(order).reset_index(drop=True)
    for name in _CATEGORIES:  # numbered as they come, whatever the shards have
        codes, known = pd.factorize(frame[name].cat.codes)
        frame[name] = pd.Categorical.from_codes(codes, frame[name].cat.categories[known])
    frame["cell"] = pd.Categorical.from_codes(frame["cell"], pd.Index(list(cell_ids), dtype="str"))
    return frame


def _flat(rows: pa.Table, places: Mapping[str, int]) -> Iterable[pa.Table]:
    """The scores of each part of a table, with their cells' places instead of names."""
    for part in [*rows.to_batches(), pa.RecordBatch.from_pylist([], ROWS)]:
        places_here = pa.array([places[cell_id] for cell_id in part["cell_id"].to_pylist()], pa.int32())
        scores = pa.RecordBatch.from_struct_array(part["scores"].flatten())
        columns = {"cell": places_here.take(pc.list_parent_indices(part["scores"]))}
        for name in scores.schema.names:
            columns[name] = scores[name].dictionary_encode() if name in _CATEGORIES else scores[name]
        yield pa.table(columns)


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(map(str, fault["loc"]))
    return _one_line(f"{where}: {fault['msg']}" if where else fault["msg"])


def _one_line(fault: object) -> str:
    return " ".join(str(fault).split()) or type(fault).__name__
