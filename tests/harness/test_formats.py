"""What lies on people's disks: the files that a run, `arrange` and a report leave behind, their fields frozen as text;
and a store that was written in format 1, which every later version reads.
"""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from zsg_harness.cli import main
from zsg_harness.store.formats import json_object
from zsg_registry import ZsgError

MATRIX = """
[matrix]
name = "formats"
models = [{{ use = "{model}", label = "small" }}]
datasets = [{{ use = "jsonl", path = "data.jsonl", unseen = ["t3"], label = "toy" }}]
embedders = ["tfidf"]
arrangements = ["random", "tma"]
metrics = ["loss", "exact-match", "seen-loss"]
budgets = [8]

[data]
per_unseen_task = 2
query_per_task = 2
probe_per_task = 1

[training]
max_length = 48
batch_size = 4

[evaluation]
max_new_tokens = 2
"""
OLD_STORE = Path(__file__).parents[1] / "golden" / "store_format_1.tar.gz"
BY_NAME = frozenset(("files", "packages", "plugins", "timings", "kinds", "tasks", "sources", "counts", "metrics.json"))
"""Objects whose keys are names of things."""

OPAQUE = frozenset(("spec", "matrix", "params", "components", "embedder", "arguments", "hardware", "usage"))
"""Frozen by other tests (the identity, the matrix's settings, the plugins' parameters), or what a machine can tell."""

OF_A_CHECKOUT = ("provenance.harness", "provenance.project")

UNSTABLE = ("cache/", "leases/", "making/", "index/", "hooks/", "trackers/")
"""Safe to delete, and promised to nobody."""


def write_inputs(folder: Path, model: Path) -> None:
    rows = [
        {"prompt": f"Say {task} {n}:", "completion": f"word {task}", "task": f"t{task}", "source": f"s{task}"}
        for task in range(4)
        for n in range(5)
    ]
    (folder / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "matrix.toml").write_text(MATRIX.format(model=model))


@pytest.fixture(scope="module")
def run(small_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in it, and with orders of one's own data."""
    folder = tmp_path_factory.mktemp("formats")
    write_inputs(folder, small_model)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        assert main(["run", "--matrix", "matrix.toml", "--store", "store", "--in-process", "--plain"]) == 0
        assert main(["arrange", "data.jsonl", "-a", "random", "--out", "o.jsonl", "--out", "o.parquet"]) == 0
    return folder


def kind(value: Any) -> str:
    return {bool: "boolean", int: "integer", float: "number", str: "text", type(None): "null"}[type(value)]


def fields(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every path in a JSON value, and what is there."""
    name = path.rpartition(".")[2].removesuffix("[]")
    if name in OPAQUE and isinstance(value, dict | list):
        yield path, "…"
    elif isinstance(value, dict):
        for key, part in value.items():
            own = "*" if name in BY_NAME else key
            yield from fields(part, f"{path}.{own}" if path else own)
    elif isinstance(value, list):
        if not value:
            yield f"{path}[]", "…"
        for part in value:
            yield from fields(part, f"{path}[]")
    else:
        yield path, kind(value)


def json_lines(*documents: Any, named: str = "") -> Iterator[str]:
    found: dict[str, set[str]] = {}
    for document in documents:
        for path, what in fields(document, named):
            found.setdefault(path.removeprefix(f"{named}.") if named else path, set()).add(what)
    for path, kinds in sorted(found.items()):
        if not path.startswith(OF_A_CHECKOUT):
            yield f"    {path}: {' or '.join(sorted(kinds))}"


def parquet_lines(path: Path) -> Iterator[str]:
    schema = pq.read_schema(path)
    yield from (f"    {field.name}: {field.type}" for field in schema)
    for key, value in sorted((schema.metadata or {}).items()):
        if key.startswith(b"zsg"):
            yield f"    metadata {key.decode()}:"
            yield from (f"    {line}" for line in json_lines(json.loads(value)))


def lines_of(paths: list[Path]) -> Iterator[str]:
    first = paths[0]
    if first.suffix == ".parquet":
        yield from parquet_lines(first)
    elif first.name == "metrics.json":
        yield from json_lines(*map(read, paths), named="metrics.json")
    elif first.suffix == ".json" and first.name != "leaderboard.json":  # that one has a schema in docs/schemas
        yield from json_lines(*map(read, paths))
    elif first.suffix == ".jsonl":
        yield from json_lines(*map(json.loads, first.read_text().splitlines()))
    elif first.suffix == ".csv":
        with first.open(newline="") as file:
            yield from (f"    {name}" for name in next(csv.reader(file)))


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def generic(name: str) -> str:
    name = re.sub(r"cells/[0-9a-f]+/", "cells/<cell>/", name)
    name = re.sub(r"\d{8}T\d{6}-\d+-\d+", "<attempt>", name)
    name = re.sub(r"evalsets/[0-9a-f]+", "evalsets/<hash>", name)
    return re.sub(r"matrices/formats-[0-9a-f]+", "matrices/<name>-<hash>", name)


def test_files_and_their_fields_are_frozen(run: Path, golden: Callable[[str, str], None]) -> None:
    found: dict[str, list[Path]] = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if path.is_file() and not name.removeprefix("store/").startswith(UNSTABLE) and not path.name.startswith("."):
            found.setdefault(generic(name), []).append(path)
    for given in ("data.jsonl", "matrix.toml"):
        del found[given]
    told = [line for name, paths in found.items() for line in (name, *lines_of(paths), "")]
    golden("file_formats", "\n".join(told))


def test_a_store_of_format_1_is_read(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Written by 0.1.0 (`store export`), never to be written again: what reads it must go on reading it."""
    if os.environ.get("ZSG_GOLDEN") == "write" and not OLD_STORE.exists():
        assert main(["store", "export", "--store", str(run / "store"), "--out", str(OLD_STORE)]) == 0
    store = str(tmp_path / "store")
    assert main(["store", "import", str(OLD_STORE), "--store", store]) == 0
    assert main(["store", "verify", "--store", store]) == 0
    assert main(["leaderboard", "--store", store, "--out", str(tmp_path / "report")]) == 0
    rows = {row["arrangement"]: row for row in read(tmp_path / "report" / "leaderboard.json")["rows"]}
    assert set(rows) == {"random", "tma"}
    assert {name: (row["step_final"], row["replicates"]) for name, row in rows.items()} == {
        "random": (2, 1),
        "tma": (2, 1),
    }
    assert rows["tma"]["loss_final"] == pytest.approx(rows["random"]["loss_final"], rel=0.2)
    assert rows["tma"]["exact_match"] == 0.0
    cells = sorted(path.name for path in (tmp_path / "store" / "cells").iterdir())
    capsys.readouterr()
    for cell in cells:
        assert main(["show", cell, "--store", store, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["state"] == "finished"
    (order,) = (tmp_path / "store" / "cells" / cells[0]).glob("*/order.parquet")
    assert main(["diff", str(order), cells[1], "--store", store]) == 0


def test_what_a_later_version_wrote_is_told_apart_from_damage() -> None:
    with pytest.raises(ZsgError, match=r"cell.json has schema version 2; this zsg-harness reads 1: upgrade it"):
        json_object(b'{"schema_version": 2}', "cell.json")
