"""Files appear whole or not at all, and the first commit wins."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pytest

from zsg_harness.store.atomic import write_bytes
from zsg_harness.store.store import Store
from zsg_registry import ZsgError


def test_a_writer_that_is_killed_leaves_the_old_file_or_the_new(tmp_path: Path) -> None:
    target = tmp_path / "file"
    old, new = b"o" * 1_000_000, b"n" * 1_000_000
    script = (
        "import itertools, sys; from pathlib import Path; from zsg_harness.store.atomic import write_bytes\n"
        "for i in itertools.count(): write_bytes(Path(sys.argv[1]), (b'n', b'o')[i % 2] * 1_000_000)"
    )
    write_bytes(target, old)
    for delay in (0.6, 0.7, 0.8):
        process = subprocess.Popen([sys.executable, "-c", script, str(target)])
        time.sleep(delay)
        process.kill()
        process.wait()
        assert target.read_bytes() in (old, new)


def test_a_failed_write_changes_nothing(tmp_path: Path) -> None:
    write_bytes(tmp_path / "file", b"old")
    with pytest.raises(TypeError):
        write_bytes(tmp_path / "file", "not bytes")  # type: ignore[arg-type]
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_the_first_of_two_attempts_is_committed(tmp_path: Path) -> None:
    store = Store(tmp_path)
    attempts = [store.new_attempt("c", {"cell_id": "c"}) for _ in range(2)]
    for attempt in attempts:
        attempt.write_table("scores", pa.table({"value": [1.0]}))
        attempt.status("finished")
    assert [attempt.commit() for attempt in attempts] == [True, False]
    committed = store.committed("c")
    assert committed is not None
    assert committed.name == attempts[0].name
    assert store.done_cells() == {"c"}


def test_a_cell_without_a_commit_is_not_done(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.new_attempt("c", {"cell_id": "c"}).status("running")
    assert store.done_cells() == set()
    store.mark_failed("c", {"cell_id": "c"}, "", "its process ended")
    status = store.last_status("c")
    assert status is not None
    assert (status["state"], status["reason"]) == ("failed", "its process ended")


def test_a_process_that_ended_before_its_attempt_spoils_no_other(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.new_attempt("c", {"cell_id": "c"}).status("stopped", reason="stopped at step 3")
    before = store.newest_attempt("c")
    store.mark_failed("c", {"cell_id": "c"}, before, "it ended", "the last line")
    first, second = store.attempts("c")
    assert first.read_json("status")["reason"] == "stopped at step 3"
    assert second.read_json("status") | {"schema_version": 0} == {
        "schema_version": 0,
        "state": "failed",
        "reason": "it ended",
    }
    assert second.name == store.newest_attempt("c")


def test_a_store_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ZsgError, match=r"the store .*file/store cannot be written: Not a directory"):
        Store(tmp_path / "file" / "store").prepare()


def test_damaged_files_are_named(tmp_path: Path) -> None:
    attempt = Store(tmp_path).new_attempt("c", {})
    attempt.write("x.json", b'{"a": 1')
    attempt.write("x.parquet", b"PAR1 nothing")
    with pytest.raises(ZsgError, match=r"x\.json is damaged"):
        attempt.read_json("x")
    with pytest.raises(ZsgError, match=r"x\.parquet is damaged"):
        attempt.read_table("x")
    with pytest.raises(ZsgError, match=r"y\.json cannot be read: No such file"):
        attempt.read_json("y")
