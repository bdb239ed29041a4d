"""Names come from anywhere: matrices, data, archives, other people's stores. None of them leads out of a store."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zsg_harness.cli import main
from zsg_harness.identity import identity
from zsg_harness.matrix.load import check_matrix
from zsg_harness.store.archive import _LAYOUT
from zsg_harness.store.local import LocalFiles
from zsg_harness.store.remote import RemoteFiles
from zsg_harness.store.results import Damage, results_of
from zsg_harness.store.store import Store
from zsg_registry import ZsgError
from zsg_registry.reference import NAME

HOSTILE = (
    "..", ".", "", "../../outside", "/etc/passwd", "a/../../../outside", "a/..", "..\\outside", "a\x00b", "\x00",
    "~", "~root/x", "-rf", "CON", "nul.txt", "x" * 300, "é" * 200, "\u202etxt.exe", "\ud83d", "a\nb", " ", "a b",
    "．．/outside", "%2e%2e/outside", "file:///etc/passwd", "s3://bucket/x", "*", "$(touch outside)", "`touch outside`",
)  # fmt: skip
PIECES = st.sampled_from([*HOSTILE, "/", "cells", "done.json", "matrices"])
NAMES = st.one_of(st.sampled_from(HOSTILE), st.lists(PIECES, max_size=5).map("".join), st.text(max_size=20))

OPERATIONS: dict[str, Callable[[LocalFiles, str, Path], object]] = {
    "read": lambda files, key, source: files.read(key),
    "write": lambda files, key, source: files.write(key, b"x"),
    "create": lambda files, key, source: files.create(key, b"x"),
    "put": lambda files, key, source: files.put(source, key),
    "fetch": lambda files, key, source: files.fetch(key, source.parent),
    "exists": lambda files, key, source: files.exists(key),
    "names": lambda files, key, source: files.names(key),
    "folders": lambda files, key, source: files.folders(key),
    "find": lambda files, key, source: files.find(key),
    "states": lambda files, key, source: files.states(key),
    "size": lambda files, key, source: files.size(key),
    "unlink": lambda files, key, source: files.unlink(key),
    "remove": lambda files, key, source: files.remove(key),
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store in it, and a file beside the store."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "outside").write_text("untouched")
    (folder / "store" / "cells").mkdir(parents=True)
    return folder


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=30)
@given(name=NAMES)
@example(name="../../outside")
def test_no_name_leads_out_of_a_store(operation: str, name: str, place: Path) -> None:
    store, source = LocalFiles(place / "store"), place / "store" / ".source"
    source.write_bytes(b"x")
    try:
        found = OPERATIONS[operation](store, f"cells/{name}", source)
    except OSError:
        found = None
    if isinstance(found, Path):
        assert found.resolve().is_relative_to((place / "store").resolve())
    assert found != b"untouched"
    assert sorted(path.name for path in place.iterdir()) == ["outside", "store"]
    assert (place / "outside").read_text() == "untouched"
    assert (place / "store").is_dir()


@pytest.mark.parametrize("name", ["../x", "/etc/passwd", "a/../../x", "a\x00b"])
def test_nor_out_of_a_bucket(name: str, tmp_path: Path) -> None:
    files = RemoteFiles("memory://place/store")
    for operation in ("read", "exists", "size", "unlink", "remove", "states", "find", "names"):
        with pytest.raises(OSError, match="leads out of the store"):
            getattr(files, operation)(name)
    with pytest.raises(OSError, match="leads out of the store"):
        files.write(name, b"x")
    with pytest.raises(OSError, match="leads out of the store"):
        files.fetch(name, tmp_path)


@given(name=NAMES)
def test_a_matrix_is_called_by_a_name_that_a_file_can_have(name: str, place: Path) -> None:
    try:
        loaded = check_matrix({"matrix": {"name": name}}, "the test", Path())
    except ZsgError:
        return
    store = Store(place / "store")
    store.write_matrix(loaded.matrix.matrix.name, identity("x")[:8], {"name": name, "cells": []})
    (written,) = [path for path in (place / "store" / "matrices").iterdir() if path.name.endswith(".json")]
    assert not written.name.startswith(".")
    written.unlink()


@given(name=NAMES)
def test_what_an_archive_may_hold_stays_in_its_folder(name: str) -> None:
    for key in (name, f"cells/{name}/cell.json", f"cells/c/{name}/x", f"cells/c/a/{name}", f"matrices/{name}.json"):
        if _LAYOUT.fullmatch(key):
            assert not any(part.startswith(".") or not part for part in key.split("/"))
            assert not re.search(r"[\\\x00-\x1f]", key)


@given(name=NAMES)
def test_a_components_name_is_one_name_of_a_file(name: str) -> None:
    if NAME.fullmatch(name):
        assert Path(name).name == name
        assert not name.startswith((".", "-"))


@pytest.mark.parametrize("attempt", ["..", "../../..", "/etc", "a/b", ".hidden", "", None, 3, "a\x00"])
def test_an_attempt_that_somebody_elses_store_names(attempt: Any, tmp_path: Path) -> None:
    cell = tmp_path / "store" / "cells" / "c"
    cell.mkdir(parents=True)
    (tmp_path / "store" / "status.json").write_text('{"secret": 1}')
    (cell / "done.json").write_text(json.dumps({"schema_version": 1, "attempt": attempt, "files": {}}))
    store = Store(tmp_path / "store")
    with pytest.raises(ZsgError, match="names no attempt"):
        store.committed("c")
    with pytest.raises(Damage, match="names no attempt"):
        results_of(store, "c")


@pytest.mark.parametrize("name", ["../x", "0" * 19, "0" * 21, "G" * 20, None, ["a"]])
def test_an_eval_set_that_somebody_elses_store_names(name: Any, tmp_path: Path) -> None:
    attempt = tmp_path / "store" / "cells" / "c" / "a"
    attempt.mkdir(parents=True)
    (attempt.parent / "done.json").write_text(json.dumps({"attempt": "a", "files": {}}))
    (attempt / "status.json").write_text(json.dumps({"evalset": name}))
    (result,) = results_of(Store(tmp_path / "store"), "c")
    with pytest.raises(Damage, match="no eval set"):
        _ = result.eval_sets


@pytest.mark.parametrize("name", [name for name in HOSTILE if name and "\x00" not in name and name.isprintable()])
def test_a_cell_is_one_of_the_store_whatever_the_command_line_says(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "store" / "cells" / "0123456789abcdef").mkdir(parents=True)
    for command in ("show", "explain"):
        assert main([command, "--store", str(tmp_path / "store"), "--", name]) == 2
        told = capsys.readouterr()
        assert told.out == ""
        assert len(told.err.strip().splitlines()) == 1
