"""One process at a time has a lease, and nobody keeps it who is gone."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from zsg_harness.store.files import Files
from zsg_harness.store.leases import Leases
from zsg_harness.store.local import LocalFiles

HOLDER = """
import sys, time
from pathlib import Path
from zsg_harness.store.local import LocalFiles
from zsg_harness.store.leases import Leases
with Leases(LocalFiles(Path(sys.argv[1])), stale_after=0.4) as leases:
    print(leases.take("cell"), flush=True)
    time.sleep(60)
"""


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return LocalFiles(tmp_path)


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts a process that has the lease `cell`."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def move_elsewhere(files: Files) -> None:
    """Let the lease seem to be held on another machine."""
    (number,) = [name for name in files.names("leases/cell") if name.isdecimal()]
    key = f"leases/cell/{number}"
    files.write(key, json.dumps(json.loads(files.read(key)) | {"machine": "another one"}).encode())


def test_what_is_held_cannot_be_taken_until_it_is_given_back(files: Files) -> None:
    with Leases(files) as ours, Leases(files) as theirs:
        assert ours.take("cell")
        assert not theirs.take("cell")
        assert theirs.take("another cell")
        ours.release("cell")
        assert theirs.take("cell")
    assert files.find("leases") == []


def test_many_at_once_have_one_winner(files: Files) -> None:
    everybody = [Leases(files) for _ in range(16)]
    start, won = threading.Barrier(len(everybody)), []

    def compete(leases: Leases) -> None:
        start.wait()
        if leases.take("cell"):
            won.append(leases)

    threads = [threading.Thread(target=compete, args=(leases,)) for leases in everybody]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1


def test_who_was_killed_on_this_machine_has_it_no_more(
    files: Files, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    process = holder()
    with Leases(files) as leases:
        assert not leases.take("cell")
        process.kill()
        process.wait()
        assert leases.take("cell")


def test_another_machine_keeps_it_as_long_as_its_heart_beats(
    files: Files, holder: Callable[[], subprocess.Popen[str]]
) -> None:
    process = holder()
    move_elsewhere(files)
    with Leases(files, stale_after=0.4) as leases:
        for _ in range(12):
            assert not leases.take("cell")
            time.sleep(0.1)
        process.kill()
        process.wait()
        assert not leases.take("cell")  # the last beat was seen just now
        deadline = time.monotonic() + 10
        while not leases.take("cell"):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_a_slow_holder_gives_back_its_own_lease_and_not_its_successors(files: Files) -> None:
    with Leases(files) as slow, Leases(files, stale_after=0.1) as quick:
        assert slow.take("cell")
        move_elsewhere(files)
        assert not quick.take("cell")
        time.sleep(0.15)
        assert quick.take("cell")
        slow.release("cell")
        with Leases(files) as third:
            assert not third.take("cell")


def test_a_lease_that_was_cut_in_half_grows_stale_as_any_other(files: Files) -> None:
    files.write("leases/cell/1", b'{"machine": "')
    with Leases(files, stale_after=0.1) as leases:
        assert not leases.take("cell")
        time.sleep(0.15)
        assert leases.take("cell")
