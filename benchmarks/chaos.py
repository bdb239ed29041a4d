"""What a matrix of many cells is left with when its processes are killed and its disk fails, again and again.

    python benchmarks/chaos.py [--where local|two|s3 …] [--cells 24] [--kills 20] [--out benchmarks/results/….json]

A matrix is run undisturbed first. Then the same one, in a store of its own, with two workers: processes (the run's own,
or one of its workers') are killed with SIGKILL at random moments, and one write in fifty fails for want of space or of
permission; whenever the run ends it is started anew. The last time it is left alone. `two` lets two runs share the
store, `s3` has the store in a bucket, served on loopback by moto.

Afterwards: every cell must be there; no cell may have been begun again after it was committed; every committed file
must have the hash it was committed with; leaderboard and scores must equal the undisturbed ones to the last digit.
Where one of these does not hold, the command says so and exits with 1.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import psutil
from measuring import command_and_hardware, write_results

from zsg_harness.store.store import Store

ARRANGEMENTS: Final = 6
MATRIX: Final = """
[matrix]
name = "chaos"
datasets = ["procedural[examples_per_seen_task=2,examples_per_unseen_task=4]"]
embedders = ["tfidf"]
arrangements = ["random", "tma", "nft", "cluster", "round-robin", "tma | shuffle"]
metrics = ["loss"]
budgets = [24]
seeds = {seeds}

[data]
per_seen_task = 2
per_unseen_task = 2
query_per_task = 2

[training]
batch_size = 4

[evaluation]
max_new_tokens = 4

[run]
workers = 2
checkpoint_steps = 2
"""

FAULTS: Final = '''
"""Writes fail once in a while. Python runs this file first in every process that finds it on its path."""

import errno
import os
import random

_SHARE = 0.02
_random = random.Random()
os.register_at_fork(after_in_child=_random.seed)


def _failing(function):
    def write(*args, **options):
        if any("cells/" in str(argument)[:500] for argument in args) and _random.random() < _SHARE:
            number = _random.choice([errno.ENOSPC, errno.EACCES])
            raise OSError(number, os.strerror(number))
        return function(*args, **options)

    return write


if "AWS_ENDPOINT_URL" in os.environ:
    import s3fs

    s3fs.S3FileSystem.pipe_file = _failing(s3fs.S3FileSystem.pipe_file)
else:
    os.replace = _failing(os.replace)
    os.link = _failing(os.link)
'''

MOMENTS: Final = (0.0, 4.0)
"""Seconds that a run is left alone, from when its workers start."""

PATIENCE: Final = 300.0


@dataclass(slots=True)
class Survived:
    """What came of it.

    Attributes:
        where: Which way it was done.
        cells: How many there were.
        runs: How often the matrix was started.
        kills_of_runs: How many of them were killed.
        kills_of_workers: How many workers were.
        failures: Cells that failed on the way, because a worker was killed or a write failed.
        seconds: How long it took.
        faults: What does not hold afterwards.
    """

    where: str
    cells: int
    runs: int = 0
    kills_of_runs: int = 0
    kills_of_workers: int = 0
    failures: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def kills(self) -> int:
        """All of them."""
        return self.kills_of_runs + self.kills_of_workers


class Chaos:
    """A store that is being disturbed.

    Attributes:
        report: What has come of it so far.
    """

    def __init__(self, where: str, cells: int, matrix: Path, store: str, moments: random.Random) -> None:
        self.report = Survived(where, cells)
        self._matrix = matrix
        self._place = store
        self._store = Store(store)
        self._random = moments
        self._attempts: dict[str, int] = {}

    def disturb(self, kills: int, side_by_side: int) -> None:
        """Start runs, and kill them or their workers, so often."""
        while self.report.kills < kills:
            runs = [self._start(faulty=True) for _ in range(side_by_side)]
            for run in runs:
                _wait_for_workers(run)
            while self.report.kills < kills and any(run.poll() is None for run in runs):
                time.sleep(self._random.uniform(*MOMENTS))
                self._kill([run for run in runs if run.poll() is None])
            for run in runs:
                run.kill()
                _, told = run.communicate()
                self.report.failures += told.count("failed ")
            self._take_stock()
            if len(self._attempts) == self.report.cells:
                break

    def finish(self) -> None:
        """Run what is left, undisturbed."""
        run = self._start(faulty=False)
        _, told = run.communicate(timeout=PATIENCE)
        if run.returncode != 0:
            self.report.faults.append(f"the last run ended with {run.returncode}: {told.strip()[-300:]}")

    def look(self, expected: Store) -> None:
        """Find what does not hold."""
        faults = self.report.faults
        done = self._store.done_cells()
        if len(done) != self.report.cells:
            faults.append(f"{self.report.cells - len(done)} cells are lost")
        again = [cell for cell, count in self._attempts.items() if len(self._store.attempts(cell)) != count]
        faults += [f"cell {cell} was begun again after it was committed" for cell in again]
        faults += [fault for cell in sorted(done) for fault in _damage(self._store, cell)]
        for name in ("leaderboard.csv", "scores.csv"):
            key = f"leaderboards/chaos/{name}"
            if not self._store.files.exists(key) or self._store.files.read(key) != expected.files.read(key):
                faults.append(f"{name} is not that of the undisturbed run")

    def _start(self, faulty: bool) -> subprocess.Popen[str]:
        self.report.runs += 1
        return start(self._matrix, self._place, self._matrix.parent / "faults" if faulty else None)

    def _kill(self, running: list[subprocess.Popen[str]]) -> None:
        """Kill one of the runs, or one of their workers."""
        if not running:
            return
        run = self._random.choice(running)
        try:
            workers = _workers(run)
            if workers and self._random.random() < 0.5:
                self._random.choice(workers).kill()
                self.report.kills_of_workers += 1
                return
        except psutil.Error:
            return  # it ended by itself meanwhile
        run.send_signal(signal.SIGKILL)
        self.report.kills_of_runs += 1

    def _take_stock(self) -> None:
        """Remember how often each cell that is committed by now was tried."""
        for cell in self._store.done_cells() - set(self._attempts):
            self._attempts[cell] = len(self._store.attempts(cell))


def start(matrix: Path, store: str, faults: Path | None) -> subprocess.Popen[str]:
    """Start a run in a process of its own."""
    command = [sys.executable, "-m", "zsg_harness", "run", "--matrix", str(matrix), "--store", store]
    path = os.environ.get("PYTHONPATH", "")
    own = {} if faults is None else {"PYTHONPATH": os.pathsep.join(filter(None, [str(faults), path]))}
    return subprocess.Popen(
        command, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=matrix.parent
    )


def _workers(run: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that were forked for a run, or spawned where they cannot be forked."""
    own = psutil.Process(run.pid).children()
    servers = [each for each in own if "forkserver" in " ".join(each.cmdline())]
    spawned = [each for each in own if "spawn_main" in " ".join(each.cmdline())]
    return spawned + [fork for server in servers for fork in server.children()]


def _wait_for_workers(run: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE
    while run.poll() is None and time.monotonic() < deadline:
        try:
            if _workers(run):
                return
        except psutil.Error:
            return
        time.sleep(0.05)


def _damage(store: Store, cell: str) -> Iterator[str]:
    import hashlib

    attempt = store.committed(cell)
    assert attempt is not None
    for name, expected in store.read_done(cell)["files"].items():
        if hashlib.sha256(attempt.read(name)).hexdigest() != expected:
            yield f"{attempt.url}/{name} is damaged"


@contextmanager
def bucket() -> Iterator[str]:
    """A store in a bucket that a server on loopback keeps."""
    import fsspec
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    settings = {"AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "t", "AWS_SECRET_ACCESS_KEY": "t"}
    os.environ.update(settings, AWS_DEFAULT_REGION="us-east-1")
    fsspec.filesystem("s3").mkdir("chaos")
    try:
        yield "s3://chaos/run"
    finally:
        server.stop()


def survive(where: str, cells: int, kills: int, folder: Path, undisturbed: Store, seed: int) -> Survived:
    """Disturb a store in one way, finish it, and look at it."""
    started = time.monotonic()
    with ExitStack() as stack:
        place = stack.enter_context(bucket()) if where == "s3" else str(folder / where)
        chaos = Chaos(where, cells, folder / "chaos.toml", place, random.Random(seed))
        chaos.disturb(kills, side_by_side=2 if where == "two" else 1)
        chaos.finish()
        chaos.look(undisturbed)
    chaos.report.seconds = time.monotonic() - started
    return chaos.report


def main() -> None:
    """Do it in the ways that were asked for, and say what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--where", action="append", choices=["local", "two", "s3"], help="may be repeated")
    parser.add_argument("--cells", type=int, default=24, help=f"a multiple of {ARRANGEMENTS}")
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "faults").mkdir()
        (folder / "faults" / "sitecustomize.py").write_text(FAULTS)
        seeds = list(range(options.cells // ARRANGEMENTS))
        (folder / "chaos.toml").write_text(MATRIX.format(seeds=seeds))
        undisturbed = folder / "undisturbed"
        if start(folder / "chaos.toml", str(undisturbed), None).wait(PATIENCE) != 0:
            raise SystemExit("the undisturbed run did not end well")
        found = []
        for where in options.where or ["local", "two", "s3"]:
            report = survive(where, options.cells, options.kills, folder, Store(undisturbed), options.seed)
            found.append(asdict(report))
            print(
                f"{where:6} {report.cells} cells, {report.runs} runs, {report.kills_of_runs} of them and "
                f"{report.kills_of_workers} workers killed, {report.failures} cells failed on the way, "
                f"{report.seconds:.0f} s: {'nothing lost' if not report.faults else ''}",
                *report.faults,
                sep="\n       ",
                flush=True,
            )
    write_results(options.out, {**command_and_hardware(), "kills": options.kills, "seed": options.seed, "ways": found})
    if any(each["faults"] for each in found):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
