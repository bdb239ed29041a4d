"""Finished cells, run again: equal where they must be, and told apart where somebody changed them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from zsg_harness.cells.run import run_cell
from zsg_harness.executors.process import WorkerSettings, make_environment
from zsg_harness.executors.slots import cores, make_slots
from zsg_harness.matrix.schema import RunTable
from zsg_harness.plan.cell import Cell
from zsg_harness.publishing.rerun import TOLERANCE, Comparison, compare, rerun, sample
from zsg_harness.reports.collect import collect
from zsg_harness.reports.revisions import revisions
from zsg_harness.store.formats import parquet_bytes
from zsg_harness.store.store import Store


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stores")


@pytest.fixture
def ran(stores: Path, plan_cells: Callable[..., list[Cell]]) -> tuple[Store, Cell, list[Comparison]]:
    """A store with a finished cell, and what came of running it again into the store beside it. Done once."""
    (cell,) = plan_cells()
    store = Store(stores / "store")
    if not store.is_done(cell.cell_id):
        run = RunTable(devices="cpu", workers=cores())
        environment = make_environment(WorkerSettings(store.url, run, make_slots(run)[0]))
        assert run_cell(cell, store, environment, lambda progress: None).state == "finished"
        _FOUND.extend(rerun(store, [cell], stores / "again", in_process=True))
    return store, cell, _FOUND


_FOUND: list[Comparison] = []


def test_an_untouched_cell_is_equal(ran: tuple[Store, Cell, list[Comparison]]) -> None:
    _, cell, found = ran
    assert [(each.cell.cell_id, each.found, each.furthest) for each in found] == [(cell.cell_id, "equal", 0.0)]
    assert found[0].alike


def test_a_cell_tells_which_data_and_model_it_had(ran: tuple[Store, Cell, list[Comparison]]) -> None:
    store, cell, _ = ran
    known = {each.kind: each for each in revisions(collect(store).finished)}
    assert known["model"].content == cell.model_hash
    assert known["dataset"].content == cell.spec["shared"]["dataset"][-1]["fingerprint"]
    assert [each.fault for each in known.values()] == [None, None]


@pytest.fixture
def tampered(ran: tuple[Store, Cell, list[Comparison]], stores: Path, tmp_path: Path) -> Callable[..., Comparison]:
    """Compares the cell with a copy whose losses are multiplied, in which other entries of provenance may stand."""
    store, cell, _ = ran

    def compared(factor: float, **provenance: Any) -> Comparison:
        other = Store(tmp_path / "tampered")
        attempt = store.committed(cell.cell_id)
        assert attempt is not None
        copy = other.new_attempt(cell.cell_id, cell.description)
        for name in attempt.names():
            if name not in ("status.json", "scores.parquet"):
                copy.write(name, attempt.read(name))
        status = attempt.read_json("status")
        status["provenance"] |= provenance
        status.pop("schema_version")
        copy.status(status.pop("state"), **status)
        table = attempt.read_table("scores")
        values = pc.multiply(table["value"], pa.scalar(factor))
        copy.write(
            "scores.parquet", parquet_bytes(table.set_column(table.schema.get_field_index("value"), "value", values))
        )
        copy.commit()
        return compare(store, other, cell, TOLERANCE)

    return compared


def test_other_losses_differ(tampered: Callable[..., Comparison]) -> None:
    found = tampered(1.001)
    assert (found.found, found.reason) == ("differs", "scores")
    assert found.furthest == pytest.approx(0.001, rel=0.01)


def test_on_another_machine_losses_may_lie_apart_a_little(tampered: Callable[..., Comparison]) -> None:
    assert tampered(1.001, device_name="NVIDIA H200").found == "within tolerance"


def test_but_not_more(tampered: Callable[..., Comparison]) -> None:
    assert tampered(1.1, device_name="NVIDIA H200").found == "differs"


def test_a_cell_that_cannot_be_run_again_fails_alone(ran: tuple[Store, Cell, list[Comparison]], tmp_path: Path) -> None:
    store, cell, _ = ran
    gone = cell.model_copy(update={"dataset": "no-such-data"})
    (found,) = rerun(store, [gone], tmp_path / "again", in_process=True)
    assert found.found == "failed"
    assert "no-such-data" in found.reason


def test_a_sample_does_not_depend_on_the_order_of_cells(plan_cells: Callable[..., list[Cell]]) -> None:
    cells = plan_cells(matrix={"seeds": list(range(30))})
    drawn = sample(cells, 5, seed=0)
    assert len(drawn) == 5
    assert sample(cells[::-1], 5, seed=0) == drawn
    assert sample(cells, 5, seed=1) != drawn
    assert len(sample(cells, 500, seed=0)) == 30
