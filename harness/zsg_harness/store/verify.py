"""Verification: whether everything in a store that counts is what was committed, and agrees with itself."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from zsg_harness.identity import identity
from zsg_harness.store.receipt import receipt_faults
from zsg_harness.store.results import Damage, Result, read_file, read_json, read_table, results_of
from zsg_harness.store.store import Store, eval_set_name
from zsg_registry import OrderFile, ZsgError

_TABLES: Final = ("order", "receipt", "train", "scores", "examples")


@dataclass(slots=True)
class Verified:
    """What was looked at, and what is wrong with it.

    Attributes:
        cells: Finished cells.
        files: Files of their results, eval sets and frozen matrices.
        faults: What is wrong, in the order in which it was found.
    """

    cells: int = 0
    files: int = 0
    faults: list[Damage] = field(default_factory=list)


class Verifier:
    """Checks every finished cell, eval set and frozen matrix of a store. What never finished is no result."""

    def __init__(self, store: Store, on_fault: Callable[[Damage], None] = lambda fault: None) -> None:
        """Take a store.

        Args:
            store: The store.
            on_fault: Told of each fault when it is found.
        """
        self._store = store
        self._files = store.files
        self._on_fault = on_fault
        self._found = Verified()

    def verify(self) -> Verified:
        """Check everything."""
        for name in self._files.names("evalsets"):
            with self._noting():
                self._check_eval_set(f"evalsets/{name}")
        for name in self._files.names("matrices"):
            with self._noting():
                self._check_matrix(f"matrices/{name}")
        with self._store.making("verify") as scratch:
            for cell_id in sorted(self._store.done_cells()):
                self._found.cells += 1
                with self._noting():
                    self._check_cell(cell_id, scratch)
                shutil.rmtree(scratch / "cells", ignore_errors=True)  # of a remote store: not all of it at once
        return self._found

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except Damage as damage:
            self._note(damage.key, damage.reason)

    def _note(self, key: str, reason: str) -> None:
        self._found.faults.append(Damage(key, reason))
        self._on_fault(self._found.faults[-1])

    def _check_eval_set(self, key: str) -> None:
        self._found.files += 1
        if eval_set_name(read_file(self._files, key)) != Path(key).stem:
            raise Damage(key, "its name is not its content's hash")

    def _check_matrix(self, key: str) -> None:
        self._found.files += 1
        document = read_json(self._files, key)
        document.pop("schema_version", None)
        digest = Path(key).stem.rpartition("-")[2]
        if not identity(document).startswith(digest):
            raise Damage(key, "its name does not end in its content's hash")

    def _check_cell(self, cell_id: str, scratch: Path) -> None:
        key = f"cells/{cell_id}/cell.json"
        with self._noting():
            for reason in _identity_faults(cell_id, read_json(self._files, key)):
                self._note(key, reason)
        for result in results_of(self._store, cell_id):
            if self._check_files(result, scratch):
                with self._noting():
                    self._check_result(result)

    def _check_files(self, result: Result, scratch: Path) -> bool:
        """Check each file's hash; returns whether all are right."""
        before = len(self._found.faults)
        for name in result.hashes:
            self._found.files += 1
            with self._noting():
                result.fetch(name, scratch)
        return len(self._found.faults) == before

    def _check_result(self, result: Result) -> None:
        """See that files which are what was committed tell the same story."""
        folder = result.folder
        if missing := [name for name in _TABLES if f"{name}.parquet" not in result.hashes]:
            raise Damage(folder, f"{result.document} has no {missing[0]}.parquet")
        status = read_json(self._files, f"{folder}/status.json")
        if status.get("state") != "finished":
            raise Damage(f"{folder}/status.json", f"its state is {status.get('state')!r}, not 'finished'")
        for key in result.eval_sets:
            if not self._files.exists(key):
                self._note(key, f"is missing, and {folder} was scored on it")
        tables = {name: read_table(self._files, f"{folder}/{name}.parquet") for name in _TABLES}
        cell = read_json(self._files, f"cells/{result.cell_id}/cell.json")
        try:
            order = OrderFile.from_arrow(tables["order"], "it")
        except ZsgError as error:
            raise Damage(f"{folder}/order.parquet", str(error)) from None
        try:
            for table, reason in receipt_faults(order, cell["training"]["batch_size"], status, tables):
                self._note(f"{folder}/{table}.parquet", reason)
        except (KeyError, TypeError, ValueError, IndexError, pa.ArrowException) as error:
            raise Damage(folder, f"its tables are not those of a cell: {type(error).__name__}: {error}") from None
        for told, added in result.added_metrics().items():
            read_json(self._files, f"{folder}/{told}")
            for name in added:
                read_table(self._files, f"{folder}/{name}")


def _identity_faults(cell_id: str, document: Mapping[str, Any]) -> Iterator[str]:
    """What of a cell's identity does not come of its spec (see `zsg_harness.plan.build`)."""
    spec = document.get("spec")
    if not isinstance(spec, dict) or set(spec) != {"shared", "arranged", "evaluation"}:
        yield "it has no spec of shared, arranged and evaluation"
        return
    expected = {
        "cell_id": identity(spec),
        "training_id": identity({name: spec[name] for name in ("shared", "arranged")}),
        "block": identity({name: spec[name] for name in ("shared", "evaluation")}),
    }
    for name, found in expected.items():
        if document.get(name) != found:
            yield f"its {name} is {document.get(name)!r}, and its spec comes to {found!r}"
    if cell_id != expected["cell_id"]:
        yield f"it lies in the folder of cell {cell_id!r}, and its spec comes to {expected['cell_id']!r}"
