"""A command line that can be called, and one small real run that several tests look at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from zsg_harness.cli import main


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test has a working directory of its own: the default store is `./runs`."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def zsg(capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """`zsg("plan", "--matrix", …)` calls the command line in this process."""

    def call(*args: object) -> Result:
        capsys.readouterr()
        code = main([str(arg) for arg in args])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


def command(args: Sequence[object]) -> list[str]:
    return [sys.executable, "-c", "import sys; from zsg_harness.cli import main; sys.exit(main())", *map(str, args)]


@pytest.fixture(scope="session")
def zsg_process() -> Callable[..., Result]:
    """`zsg_process("run", …)` calls the command line in a process of its own."""

    def call(*args: object) -> Result:
        done = subprocess.run(command(args), capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
        return Result(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def zsg_command() -> Callable[[Sequence[object]], list[str]]:
    return command


def write_mini(folder: Path) -> Path:
    """A matrix of a few examples in which the cells of budget 500 fail: the pool is smaller."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "data.jsonl").open("w") as file:
        for task in range(4):
            for number in range(4):
                row = {"prompt": f"Say {task} {number}:", "completion": f"word {task}", "task": f"t{task}"}
                file.write(json.dumps(row) + "\n")
    path = folder / "mini.toml"
    path.write_text(
        """
        [matrix]
        name = "mini"
        datasets = [{use = "jsonl", path = "data.jsonl", unseen = ["t3"], label = "mini"}]
        arrangements = ["random"]
        budgets = [4, 500]
        seeds = [0, 1]
        [data]
        per_unseen_task = 2
        [training]
        max_length = 32
        [evaluation]
        max_new_tokens = 2
        """
    )
    return path


class FinishedRun(NamedTuple):
    """A run, and which modules its own process imported, its workers' aside."""

    matrix: Path
    store: Path
    result: Result
    imported: frozenset[str]


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    """The path of the mini matrix."""
    return write_mini(tmp_path / "mini")


TELLING = """
import sys
from pathlib import Path
from zsg_harness.cli import main
code = main(sys.argv[2:])
Path(sys.argv[1]).write_text(" ".join(sys.modules))
sys.exit(code)
"""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """The mini matrix, really run with worker processes."""
    folder = tmp_path_factory.mktemp("finished")
    matrix, store, imported = write_mini(folder), folder / "store", folder / "imported"
    run = [sys.executable, "-c", TELLING, imported, "run", "--matrix", matrix, "--store", store]
    done = subprocess.run(run, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    result = Result(done.returncode, done.stdout, done.stderr)
    return FinishedRun(matrix, store, result, frozenset(imported.read_text().split()))
