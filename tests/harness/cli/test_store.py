"""`store`: what the commands print, and how they end. A cell that was really trained is among what they work on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Zsg = Callable[..., Any]


@pytest.fixture
def store(finished: Any, tmp_path: Path) -> Path:
    """A copy of the finished run: two cells are done, two failed."""
    return Path(shutil.copytree(finished.store, tmp_path / "store"))


def done(store: Path) -> list[Path]:
    return sorted(path.parent for path in store.glob("cells/*/done.json"))


def test_a_store_that_was_really_run_has_no_faults(zsg: Zsg, store: Path) -> None:
    result = zsg("store", "verify", "--store", store)
    assert (result.code, result.out) == (0, "")
    assert "2 finished cells" in result.err
    assert result.err.rstrip().endswith("0 faults")


def test_faults_are_lines_and_the_exit_code(zsg: Zsg, store: Path) -> None:
    (table,) = done(store)[0].glob("*/train.parquet")
    table.write_bytes(b"")
    key = table.relative_to(store)
    result = zsg("store", "verify", "--store", store)
    assert (result.code, result.out) == (1, f"damaged: {key}: its sha256 is not the one in done.json\n")
    listed = zsg("store", "verify", "--store", store, "--json", "-q")
    assert listed.code == 1
    assert listed.json["faults"] == [{"file": str(key), "reason": "its sha256 is not the one in done.json"}]
    assert listed.err == ""


def test_merging_a_conflict_is_told_and_kept(zsg: Zsg, store: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(store, tmp_path / "other"))
    cell = done(store)[0]
    committed = json.loads((cell / "done.json").read_text())
    target = tmp_path / "target"
    assert zsg("store", "merge", target, store, other).code == 0
    assert len(done(target)) == 2

    shutil.rmtree(target / "cells" / cell.name)
    fake = shutil.copytree(cell, target / "cells" / cell.name)
    committed["files"]["scores.parquet"] = "0" * 64
    (fake / "done.json").write_text(json.dumps(committed))
    (fake / committed["attempt"] / "scores.parquet").write_bytes(b"other")
    result = zsg("store", "merge", target, store)
    assert result.code == 1
    kept = f"cells/{cell.name}/conflict-{committed['attempt']}-2.json"
    assert result.out == f"conflict: cells/{cell.name}: scores.parquet of {store} differ; it is kept as {kept}\n"
    assert (target / kept).is_file()
    assert json.loads((fake / "done.json").read_text()) == committed


def test_cells_travel_in_an_archive_and_make_the_same_leaderboard(zsg: Zsg, store: Path, tmp_path: Path) -> None:
    archive, other = tmp_path / "cells.tar.gz", tmp_path / "other"
    assert zsg("store", "export", "--store", store, "--out", archive).out == f"{archive}\n"
    imported = zsg("store", "import", archive, "--store", other, "--json")
    assert (imported.code, len(imported.json["copied"])) == (0, 2)
    boards = [zsg("leaderboard", "--store", place, "--json", "-q").json["rows"] for place in (store, other)]
    assert [row["aulc"] for row in boards[0]] == [row["aulc"] for row in boards[1]]

    filtered = zsg("store", "export", "--store", store, "--out", archive, "--filter", "seed=0", "--json")
    assert len(filtered.json["cells"]) == 1


def test_garbage_is_told_of_and_deleted_only_when_asked(zsg: Zsg, store: Path) -> None:
    files = sorted(store.rglob("*"))
    told = zsg("store", "gc", "--store", store)
    assert sorted(store.rglob("*")) == files
    assert {line.split()[0] for line in told.out.splitlines()[1:]} >= {"cache", "log"}
    assert "can be freed: --yes deletes" in told.err
    deleted = zsg("store", "gc", "--store", store, "--yes", "--json")
    assert deleted.json["deleted"]
    assert not list((store / "cache").rglob("*.npy"))
    assert zsg("store", "gc", "--store", store).out == ""
    assert zsg("store", "verify", "--store", store).code == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["merge", "target", "nowhere"], "nowhere: not a store"),
        (["merge", "target"], "Missing argument 'SOURCE...'"),
        (["verify", "--store", "nowhere"], "nowhere: not a store"),
        (["import", "nowhere.tar.gz"], "'nowhere.tar.gz' does not exist"),
        (["verfy"], "did you mean 'verify'?"),
    ],
)
def test_wrong_input_is_one_line(zsg: Zsg, args: list[str], said: str) -> None:
    result = zsg("store", *args)
    assert (result.code, result.out) == (2, "")
    assert said in result.err
    assert len(result.err.splitlines()) == 1


def test_a_file_that_is_no_archive_is_one_line(zsg: Zsg, tmp_path: Path) -> None:
    (tmp_path / "x.tar.gz").write_bytes(b"x")
    result = zsg("store", "import", tmp_path / "x.tar.gz", "--store", tmp_path / "store")
    assert result.code == 2
    assert "is not a whole archive of cells" in result.err
    assert len(result.err.splitlines()) == 1
