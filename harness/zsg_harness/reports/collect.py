"""Reading a store: its frozen plans, its cells, and every score of the finished ones.

This and `finished` are the only modules that touch the store. Whatever is damaged is one error that names the file,
because a report that silently leaves something out would be believed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeVar

import pandas as pd

from zsg_harness.reports.finished import FinishedCell, parse, read_bytes, read_finished
from zsg_harness.reports.records import CellRecord, Direction, Labels, PlannedCell, PlanRecord, Record, StatusRecord
from zsg_harness.seed_text import seed_text
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.store import Store
from zsg_registry.errors import ZsgError, did_you_mean

_R = TypeVar("_R", bound=Record)

_DRAWN_ROWS: Final = 200
_LOG_END: Final = 4000
"""Characters of a log that are told."""

OpenState = Literal["failed", "skipped", "unfinished"]


@dataclass(frozen=True, slots=True)
class OpenCell:
    """A cell without a result, and why.

    Attributes:
        log: The end of what its newest attempt left in `log.txt`: the traceback of a failure.
    """

    cell_id: str
    labels: Labels
    seeds: tuple[str, ...]
    state: OpenState
    reason: str
    log: str = ""


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
        geometric: The metrics of which the mean over tasks is geometric.
        sources: Of each eval set the data that its tasks were made from, by task.
        orders: The ids of the examples in the order in which they were trained on, of the first cell of each row.
    """

    plans: Mapping[str, PlanRecord]
    finished: tuple[FinishedCell, ...]
    open: tuple[OpenCell, ...]
    scores: pd.DataFrame
    directions: Mapping[str, Direction]
    geometric: frozenset[str] = frozenset()
    sources: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    orders: Mapping[str, Sequence[str]] = field(default_factory=dict)


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
            seeds.setdefault(entry.cell_id, set()).update(map(seed_text, entry.seeds))
    cell_ids = list(planned)
    if matrix is None:
        cell_ids += [cell_id for cell_id in store.cell_ids() if cell_id not in planned]

    done_cells = store.done_cells()
    covered = {cell_id: tuple(sorted(seeds.get(cell_id, ()))) for cell_id in cell_ids}
    finished = read_finished(store, {cell_id: covered[cell_id] for cell_id in cell_ids if cell_id in done_cells})
    open_cells = [
        cell
        for cell_id in cell_ids
        if cell_id not in done_cells
        for cell in _open(store, cell_id, planned.get(cell_id), covered[cell_id])
    ]
    eval_sets = {cell.status.evalset for cell in finished.cells}
    sources = {name: _sources(store, name) for name in sorted(filter(None, eval_sets))}
    orders = _orders(store, finished.cells)
    return Results(plans, tuple(finished.cells), tuple(open_cells), *finished[1:], sources, orders)


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


def _sources(store: Store, eval_set: str) -> dict[str, str]:
    """The source of each task: that of most of its examples."""
    examples = store.read_eval_set(eval_set)
    if not {"task", "source"} <= set(examples.column_names):
        return {}
    counts = Counter(zip(examples["task"].to_pylist(), examples["source"].to_pylist(), strict=True))
    most = sorted((number, task or "", source) for (task, source), number in counts.items() if source)
    return {task: source for _, task, source in most}


def _orders(store: Store, cells: Iterable[FinishedCell]) -> dict[str, list[str]]:
    """The order of the first cell of each row: of so many rows as somebody may look at one by one."""
    first: dict[Labels, str] = {}
    for cell in cells:
        first.setdefault(cell.labels, cell.cell_id)
    return {cell_id: _order(store, cell_id) for cell_id in list(first.values())[:_DRAWN_ROWS]}


def _order(store: Store, cell_id: str) -> list[str]:
    attempt = store.committed(cell_id)
    if attempt is None or "order.parquet" not in attempt.names():
        return []
    table = attempt.read_table("order")
    if "example_id" not in table.column_names:
        raise ZsgError(f"{attempt.url}/order.parquet is damaged: it has no column example_id")
    return [str(name) for name in table["example_id"].to_pylist()]


def _open(store: Store, cell_id: str, planned: PlannedCell | None, covered: tuple[str, ...]) -> Iterable[OpenCell]:
    """The cell of a folder without a result; none if nothing says what it was going to be."""
    key = f"cells/{cell_id}/cell.json"
    if store.files.exists(key):
        record = _parse(CellRecord, store, key)
        labels, seeds = record.labels, covered or (seed_text(record.seeds.model_dump()),)
    elif planned is not None:
        labels, seeds = planned.labels, covered
    else:
        return
    state, reason, log = _newest_state(store, cell_id)
    if planned is not None and planned.state == "skipped":
        state, reason = "skipped", planned.reason or ""
    yield OpenCell(cell_id, labels, seeds, state, reason, log)


def _newest_state(store: Store, cell_id: str) -> tuple[OpenState, str, str]:
    """How the newest attempt at a cell ended, and the end of its log."""
    attempts = [
        (status.started or "", attempt.name, status, attempt)
        for attempt in store.attempts(cell_id)
        if "status.json" in attempt.names()
        for status in [_parse(StatusRecord, store, f"{attempt.key}/status.json")]
    ]
    if not attempts:
        return "unfinished", "not started", ""
    *_, status, attempt = max(attempts, key=lambda each: each[:2])
    if status.state == "failed" or status.state == "skipped":
        return status.state, status.reason or "no reason recorded", _log(attempt)
    return "unfinished", "running or interrupted", ""


def _log(attempt: Attempt) -> str:
    """The end of an attempt's log; empty where there is none."""
    if "log.txt" not in attempt.names():
        return ""
    return attempt.read("log.txt").decode(errors="replace")[-_LOG_END:].strip()


def _parse(record: type[_R], store: Store, key: str) -> _R:
    return parse(record, read_bytes(store, key), f"{store.url}/{key}")
