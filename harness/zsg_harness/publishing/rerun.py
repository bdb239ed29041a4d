"""Running a sample of finished cells again, in a store of its own, and comparing what comes out."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from zsg_harness.cells.outcome import Outcome
from zsg_harness.identity import canonical
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.store.results import differing_files, results_of
from zsg_harness.store.store import Store
from zsg_harness.store.tables import LOSS_TOKEN

if TYPE_CHECKING:
    import pyarrow as pa

Found = Literal["equal", "within tolerance", "differs", "failed"]

TOLERANCE: Final = 0.01
"""How far losses may lie apart, relative to the greater, where a cell was run on another machine."""

_ALIKE: Final = ("device_name", "devices", "processes", "threads", "dtype", "precision", "packages", "python")
"""Entries of provenance that, if they are the same, make a cell the same to the bit."""

_BITS: Final = (
    "workers", "per_device", "processes_per_cell", "shard", "micro_batch_tokens", "micro_batch_examples",
    "eval_batch_tokens", "compile", "gradient_checkpointing",
)  # fmt: skip
"""Settings of `[run]` that the last digits may depend on."""

_ORDER: Final = ("order.parquet", "receipt.parquet")
_LOSSES: Final = ("loss", LOSS_TOKEN)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A cell that was run again.

    Attributes:
        found: How the results compare.
        alike: Whether it ran as the first time, so that they must be equal.
        furthest: The greatest difference of two losses, relative to the greater; None where there are none to compare.
        reason: What differs, or why it failed; empty if nothing does.
    """

    cell: Cell
    found: Found
    alike: bool
    furthest: float | None
    reason: str


def sample(cells: Sequence[Cell], size: int, seed: int) -> list[Cell]:
    """So many of some cells, by chance, and the same for the same seed whatever other cells there are."""

    def drawn(cell: Cell) -> str:
        return hashlib.sha256(f"verify {seed} {cell.cell_id}".encode()).hexdigest()

    return sorted(cells, key=drawn)[:size]


def rerun(
    store: Store,
    cells: Sequence[Cell],
    folder: Path,
    *,
    tolerance: float = TOLERANCE,
    in_process: bool = False,
    on_end: Callable[[Comparison], None] = lambda comparison: None,
) -> list[Comparison]:
    """Run finished cells again and compare.

    Args:
        store: Where they are.
        cells: The cells.
        folder: Where they are run again; nothing of the store's caches is used.
        tolerance: How far losses may lie apart where a cell is not run as the first time.
        in_process: Run in this process, one by one.
        on_end: Told of each.
    """
    again = Store(folder)
    again.prepare()
    found: list[Comparison] = []
    for settings, members in _by_settings(store, cells):
        by_id = {cell.cell_id: cell for cell in members}
        for outcome in (_run_here if in_process else _run_in_workers)(members, again, settings):
            cell = by_id[outcome.cell_id]
            if outcome.state == "finished":
                found.append(compare(store, again, cell, tolerance))
            else:
                found.append(Comparison(cell, "failed", False, None, outcome.reason or outcome.state))
            on_end(found[-1])
    return found


def compare(store: Store, again: Store, cell: Cell, tolerance: float) -> Comparison:
    """Compare a cell's results in two stores.

    Raises:
        ZsgError: A file is damaged.
    """
    first, second = (results_of(each, cell.cell_id)[0] for each in (store, again))
    differs = differing_files(first, second)
    before, now = (_provenance(each, cell.cell_id) for each in (store, again))
    alike = all(before.get(name) == now.get(name) for name in _ALIKE)
    furthest = _furthest(*(_losses(each, cell.cell_id) for each in (store, again)))
    if not differs:
        return Comparison(cell, "equal", alike, furthest, "")
    reason = " and ".join(name.removesuffix(".parquet") for name in differs)
    is_close = not set(differs) & set(_ORDER) and furthest is not None and furthest <= tolerance
    if is_close and not alike:
        return Comparison(cell, "within tolerance", alike, furthest, f"{reason}, as on another machine")
    return Comparison(cell, "differs", alike, furthest, reason)


def _by_settings(store: Store, cells: Sequence[Cell]) -> Iterator[tuple[RunTable, list[Cell]]]:
    """Cells that were run in the same way, with the settings that their last digits may depend on."""
    groups: dict[str, tuple[RunTable, list[Cell]]] = {}
    for cell in cells:
        settings = _settings(_provenance(store, cell.cell_id))
        groups.setdefault(canonical(settings.model_dump(mode="json")), (settings, []))[1].append(cell)
    yield from groups.values()


def _settings(provenance: Mapping[str, Any]) -> RunTable:
    told = provenance.get("arguments", {}).get("run", {})
    values = {**told.get("defaulted", {}), **told.get("given", {})}
    device = {"devices": "cpu"} if provenance.get("device") == "cpu" else {}
    return RunTable.model_validate({name: values[name] for name in _BITS if name in values} | device)


def _run_here(cells: Sequence[Cell], store: Store, settings: RunTable) -> Iterator[Outcome]:
    from zsg_harness.executors.process import WorkerSettings, make_environment
    from zsg_harness.executors.slots import make_slots

    environment = make_environment(WorkerSettings(store.url, settings, make_slots(settings)[0]))
    from zsg_harness.cells.run import run_cell  # behind the number of threads, which is set before torch is loaded

    for cell in cells:
        yield run_cell(cell, store, environment, lambda progress: None)


def _run_in_workers(cells: Sequence[Cell], store: Store, settings: RunTable) -> Iterator[Outcome]:
    from zsg_harness.executors.local import run_in_workers
    from zsg_harness.executors.work import Work
    from zsg_harness.store.leases import Leases

    with Leases(store.files) as leases:
        events = run_in_workers(Work(cells, store, leases), store, settings, lambda: False)
        try:
            yield from (event for event in events if isinstance(event, Outcome))
        finally:
            events.close()


def _provenance(store: Store, cell_id: str) -> Mapping[str, Any]:
    attempt = store.committed(cell_id)
    assert attempt is not None
    told: Mapping[str, Any] = attempt.read_json("status").get("provenance", {})
    return told


def _losses(store: Store, cell_id: str) -> dict[tuple[int, str | None, str], float]:
    attempt = store.committed(cell_id)
    assert attempt is not None
    table: pa.Table = attempt.read_table("scores").select(["step", "task", "metric", "value"])
    rows = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return {(step, task, metric): value for step, task, metric, value in rows if metric in _LOSSES}


def _furthest(mine: Mapping[Any, float], theirs: Mapping[Any, float]) -> float | None:
    """The greatest relative difference; None if they are not losses of the same steps and tasks."""
    if mine.keys() != theirs.keys() or not mine:
        return None
    return max(_apart(value, theirs[key]) for key, value in mine.items())


def _apart(a: float, b: float) -> float:
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    difference = abs(a - b) / max(abs(a), abs(b))
    return math.inf if math.isnan(difference) else difference
