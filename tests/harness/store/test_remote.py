"""A store in a bucket: several runs share it, and what is wrong with it is said in one line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from zsg_harness.cli import main
from zsg_harness.store import leases as leases_module
from zsg_harness.store.leases import Leases
from zsg_harness.store.places import open_files
from zsg_harness.store.store import Store

RACER = """
import sys, time
from zsg_harness.store.places import open_files
from zsg_harness.store.leases import Leases

files, me = open_files(sys.argv[1]), sys.argv[2]

def moments(start):  # everybody tries at the same time
    for number in range(20):
        time.sleep(max(0, start + number / 25 - time.time()))
        yield number

with Leases(files) as leases:
    print(files.names("leases"), flush=True)
    start = float(sys.stdin.readline())
    taken = [number for number in moments(start) if leases.take(f"cell-{number}")]
    done = [number for number in moments(start + 1) if files.create(f"cells/{number}/done.json", me.encode())]
    print([taken, done], flush=True)
    sys.stdin.readline()
"""


class Racer:
    """A process that takes what leases it can get."""

    def __init__(self, url: str, name: str) -> None:
        command = [sys.executable, "-c", RACER, url, name]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def line(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def go(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{time.time() + 0.2}\n")
        self.process.stdin.flush()


def test_of_several_processes_one_gets_each_lease_and_each_commit(bucket: str) -> None:
    racers = [Racer(f"{bucket}/run", name) for name in ("one", "two", "three")]
    try:
        assert [racer.line() for racer in racers] == [[], [], []]
        for racer in racers:
            racer.go()
        results = [racer.line() for racer in racers]
        for won in zip(*results, strict=True):
            assert sorted(number for numbers in won for number in numbers) == list(range(20))
        files = open_files(f"{bucket}/run")
        for name, (_, done) in zip(("one", "two", "three"), results, strict=True):
            assert all(files.read(f"cells/{number}/done.json") == name.encode() for number in done)

        killed, left = max(range(3), key=lambda racer: len(results[racer][0])), 0
        racers[killed].process.kill()
        racers[killed].process.wait()
        with Leases(files) as mine:
            got = [number for number in range(20) if mine.take(f"cell-{number}")]
            assert got == results[killed][0]
            for number, racer in enumerate(racers):
                if number != killed:
                    left += len(results[number][0])
                    racer.go()
                    racer.process.wait(timeout=30)
            assert sum(mine.take(f"cell-{number}") for number in range(20)) == left
        assert files.find("leases") == []
    finally:
        for racer in racers:
            racer.process.kill()
            racer.process.communicate()


@pytest.mark.parametrize("place", ["memory", "s3"])
def test_a_holder_on_another_machine_is_judged_by_its_heartbeat(
    place: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = open_files("memory://leases" if place == "memory" else request.getfixturevalue("bucket") + "/run")
    monkeypatch.setattr(leases_module, "_machine", lambda: "theirs")
    theirs = Leases(files, stale_after=0.4)
    with theirs:
        assert theirs.take("cell")
        monkeypatch.setattr(leases_module, "_machine", lambda: "mine")
        mine = Leases(files, stale_after=0.4)
        for _ in range(12):  # three times as long as a holder may be silent
            assert not mine.take("cell")
            time.sleep(0.1)
        theirs._end.set()  # its machine is cut off: no more heartbeats
        gone = time.monotonic()
        while not mine.take("cell"):
            time.sleep(0.05)
            assert time.monotonic() - gone < 5
        assert time.monotonic() - gone > 0.3
        assert files.names("leases/cell") == ["2"]
    assert files.names("leases/cell") == ["2"], "who comes back late takes nothing away"
    mine.release("cell")
    assert files.find("leases") == []


def test_a_commit_whose_answer_is_lost_counts(bucket: str, s3_server: Any) -> None:
    store = Store(f"{bucket}/run")
    attempts = [store.new_attempt("c", {"cell_id": "c"}) for _ in range(2)]
    s3_server.lose = 1
    assert attempts[0].commit()
    assert s3_server.lose == 0
    assert not attempts[1].commit()
    assert store.done_cells() == {"c"}
    assert store.read_done("c")["attempt"] == attempts[0].name


def test_few_requests(bucket: str, s3_server: Any) -> None:
    """Each is a round trip, and is paid for."""
    store = Store(f"{bucket}/run")

    def asked(call: Any) -> int:
        s3_server.requests.clear()
        call()
        return len(s3_server.requests)

    def cell(name: str) -> None:
        attempt = store.new_attempt(name, {"cell_id": name})
        attempt.write_table("scores", pa.table({"value": [1.0]}))
        attempt.status("finished")
        attempt.commit()

    assert asked(lambda: [cell(f"c{number}") for number in range(20)]) == 20 * 4  # a file each
    assert asked(store.done_cells) == 1
    assert asked(store.cell_ids) == 1
    assert asked(lambda: store.is_done("c1")) == 1
    assert asked(lambda: store.read_done("c1")) == 1
    with Leases(store.files) as leases:
        assert asked(lambda: leases.take("c1")) <= 3
        assert asked(lambda: leases.release("c1")) == 1


def test_a_cache_is_shared_by_machines(bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import numpy as np

    def on(machine: str) -> Any:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / machine))
        return Store(f"{bucket}/run").cache

    computed = []

    def compute() -> Any:
        computed.append(1)
        return np.arange(5)

    for machine in ("one", "two", "two"):
        assert on(machine).array("losses/x", compute).tolist() == [0, 1, 2, 3, 4]
    assert computed == [1]
    assert (tmp_path / "one" / "zsg-harness").is_dir()
    assert Store(f"{bucket}/run").files.find("leases") == []


def test_what_is_wrong_is_one_line(
    bucket: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from s3fs import S3FileSystem

    def refused(command: str, store: str) -> str:
        S3FileSystem.clear_instance_cache()
        assert main([*command.split(), "--store", store]) == 2
        (line,) = capsys.readouterr().err.splitlines()
        return str(line)

    monkeypatch.chdir(tmp_path)
    (tmp_path / "m.toml").write_text('[matrix]\nname = "m"\narrangements = ["random"]\nbudgets = [4]\n')
    assert "there is no file system 's4' (there are: az, file, gs, s3)" in refused("leaderboard", "s4://bucket/run")
    assert "pip install 'zsg-harness[gcs]'" in refused("leaderboard", "gs://bucket/run")
    assert "a bucket or folder is missing behind s3://" in refused("leaderboard", "s3://")
    told = refused("leaderboard", "s3://AKIA:pa55@w0rd@bucket/run")
    assert "the store s3://…@bucket/run: a password in a URL" in told
    assert f"{bucket}/run: not a store" in refused("leaderboard", f"{bucket}/run/")
    missing = refused("run --matrix m.toml", "s3://no-such-bucket/run")
    assert "the store s3://no-such-bucket/run cannot be written: The specified bucket does not exist" in missing
    assert "--in-process" in refused("run --matrix m.toml", "memory://run")

    with monkeypatch.context() as patch:
        patch.setattr("moto.settings.INITIAL_NO_AUTH_ACTION_COUNT", 0)  # from now on, moto asks who it is
        wrong = refused("run --matrix m.toml", f"{bucket}/run")
        assert f"the store {bucket}/run cannot be read: The AWS Access Key Id you provided does not exist" in wrong
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    assert 'Could not connect to the endpoint URL: "http://127.0.0.1:9' in refused("leaderboard", f"{bucket}/run")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    assert "cannot be read: Unable to locate credentials" in refused("leaderboard", f"{bucket}/run")
