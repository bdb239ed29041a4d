"""Whatever is wrong with a store's results is named, with its file; nothing else is."""

from __future__ import annotations

import json
from collections.abc import Callable

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zsg_harness.plan.cell import Cell
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.store import Store
from zsg_harness.store.verify import Verifier

TABLES = ("order", "receipt", "train", "scores", "examples")


def faults(store: Store) -> list[str]:
    told: list[str] = []
    found = Verifier(store, lambda fault: told.append(str(fault))).verify()
    assert told == list(map(str, found.faults))
    return told


def changed(table: pa.Table, column: str, row: int, value: object) -> pa.Table:
    values = table[column].to_pylist()
    values[row] = value
    field = table.schema.field(column)
    return table.set_column(table.schema.get_field_index(column), field, pa.array(values, field.type))


@pytest.fixture
def rewritten(stored: Store, cells: tuple[Cell, ...]) -> Callable[..., list[str]]:
    """Changes a table of a cell, as a faulty writer would that then commits it, and gives the faults that are found."""
    attempt = stored.committed(cells[0].cell_id)
    assert attempt is not None

    def rewrite(name: str, change: Callable[[pa.Table], pa.Table]) -> list[str]:
        again = Attempt(stored.files, f"cells/{cells[0].cell_id}", attempt.name)
        for file in attempt.names():
            again.write(file, attempt.read(file))
        again.write_table(name, change(attempt.read_table(name)))
        stored.files.remove(f"cells/{cells[0].cell_id}/done.json")
        assert again.commit()
        return [fault.partition(f"{attempt.key}/")[2] for fault in faults(stored)]

    return rewrite


def test_a_whole_store_has_no_faults(
    place: Callable[[], str], cells: tuple[Cell, ...], finish: Callable[..., Attempt], add_metric: Callable[..., None]
) -> None:
    store = Store(place())
    for cell in cells[:2]:
        add_metric(finish(store, cell), 1.0)
    finish(store, cells[2], commit=False).write("order.parquet", b"no result, so nobody minds")
    found = Verifier(store).verify()
    assert (found.cells, found.faults) == (2, [])


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_byte_that_is_changed_anywhere_is_found(stored: Store, data: st.DataObject) -> None:
    keys = [key for key in stored.files.find("cells") if "/order" not in key] + stored.files.find("evalsets")
    key = data.draw(st.sampled_from(sorted(keys)))
    before = stored.files.read(key)
    at = data.draw(st.integers(0, len(before) - 1))
    stored.files.write(key, before[:at] + bytes([before[at] ^ data.draw(st.integers(1, 255))]) + before[at + 1 :])
    found = faults(stored)
    stored.files.write(key, before)
    # Labels and the like are no part of an identity, and a space more or less is no damage to JSON.
    assert found or key.endswith(("cell.json", "done.json"))


@pytest.mark.parametrize("name", ["status.json", "metrics.json", *(f"{name}.parquet" for name in TABLES)])
def test_a_file_that_is_missing_is_named(stored: Store, cells: tuple[Cell, ...], name: str) -> None:
    attempt = stored.committed(cells[1].cell_id)
    assert attempt is not None
    stored.files.remove(f"{attempt.key}/{name}")
    assert faults(stored) == [f"{attempt.key}/{name}: cannot be read (No such file or directory)"]


def test_an_identity_that_does_not_come_of_the_spec_is_named(stored: Store, cells: tuple[Cell, ...]) -> None:
    key = f"cells/{cells[0].cell_id}/cell.json"
    document = json.loads(stored.files.read(key))
    document["spec"]["shared"]["budget"] = 21
    stored.files.write(key, json.dumps(document).encode())
    found = faults(stored)
    assert [fault.split()[2] for fault in found] == ["cell_id", "training_id", "block", "lies"]
    assert all(fault.startswith(f"{key}: it") for fault in found)


def test_an_eval_set_and_a_matrix_of_other_content_are_named(stored: Store) -> None:
    (name,), (matrix,) = stored.files.names("evalsets"), stored.files.names("matrices")
    stored.files.write(f"evalsets/{name}", stored.files.read(f"evalsets/{name}") + b"x")
    stored.files.write(f"matrices/{matrix}", stored.files.read(f"matrices/{matrix}").replace(b"made-up", b"made-over"))
    assert faults(stored) == [
        f"evalsets/{name}: its name is not its content's hash",
        f"matrices/{matrix}: its name does not end in its content's hash",
    ]
    stored.files.remove(f"evalsets/{name}")
    assert all(fault.startswith(f"evalsets/{name}: is missing, and cells/") for fault in faults(stored)[1:])


@pytest.mark.parametrize(
    ("name", "change", "fault"),
    [
        ("receipt", lambda table: table.slice(1), "receipt.parquet: its positions are not 0, 1, 2, …"),
        ("receipt", lambda table: table.slice(0, 19), "receipt.parquet: it has 19 examples, and the order 20"),
        ("receipt", lambda table: changed(table, "example_id", 3, "e99"), "receipt.parquet: position 3 consumed 'e99'"),
        ("receipt", lambda table: changed(table, "step", 15, 2), "receipt.parquet: step 1 consumed 15 examples"),
        ("receipt", lambda table: changed(table, "step", 0, 3), "receipt.parquet: it has 3 steps, and the order 2"),
        ("receipt", lambda table: table.drop_columns("step"), ""),
        ("order", lambda table: changed(table, "example_id", 3, "e99"), "order.parquet: it was changed after it was"),
        ("order", lambda table: table.replace_schema_metadata(None).drop_columns("step").slice(0, 17), ""),
        ("train", lambda table: table.slice(1), "train.parquet: its steps are not 1 to 2"),
        ("train", lambda table: changed(table, "tokens", 0, 1), "train.parquet: its steps have 41 tokens"),
        ("scores", lambda table: changed(table, "tokens", 2, 1), "scores.parquet: its tokens are not those that"),
        ("scores", lambda table: changed(table, "step", 0, 7), "scores.parquet: a step of it is not one of 0 to 2"),
    ],
)  # fmt: skip
def test_tables_that_do_not_agree_are_named(
    rewritten: Callable[..., list[str]], name: str, change: Callable[[pa.Table], pa.Table], fault: str
) -> None:
    found = rewritten(name, change)
    assert found
    assert found[0].startswith(fault)


def test_an_added_metric_that_cannot_be_read_is_named(
    stored: Store, cells: tuple[Cell, ...], add_metric: Callable[..., None]
) -> None:
    attempt = stored.committed(cells[0].cell_id)
    assert attempt is not None
    add_metric(attempt, 1.0)
    stored.files.write(f"{attempt.key}/scores.bleu.parquet", b"PAR1")
    assert faults(stored)[0].startswith(f"{attempt.key}/scores.bleu.parquet: it is damaged")
