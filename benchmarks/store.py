"""How long a big store takes to read, with its index and without, and a matrix that is all done to run again.

    python benchmarks/store.py [--cells 10000] [--folder DIR] [--out benchmarks/results/….json]

The cells are planned for real; their results are made up, and written by the store's own API: 10 evaluations of 12
tasks, as the quickstart matrix has. Making them takes longer than reading them (every file goes to the disk), so that
`--folder` may name a place where an earlier call has left them.

A store is read for a leaderboard, once cell by cell (which writes the index), once from the index. `run` is the whole
command in a process of its own, less what Python takes to start.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from made_up import Results, fill
from measuring import command_and_hardware, seconds, write_results

from zsg_harness.matrix.load import load_matrix
from zsg_harness.plan.build import Plan, build_plan
from zsg_harness.plan.compare import compare_with_store
from zsg_harness.reports.board import assemble
from zsg_harness.reports.collect import collect
from zsg_harness.store.store import Store
from zsg_registry import Registry

ARRANGEMENTS: Final = ("random", "random | reverse", "random | fold", "round-robin")
TASKS: Final = tuple(f"task-{number:02}" for number in range(12))
STEPS: Final = (0, 1, 2, 5, 10, 20, 50, 100, 200, 300)
RERUN: Final = 200
MATRIX: Final = """
[matrix]
name = "store-{cells}"
models = ["zsg-tiny"]
datasets = ["procedural"]
arrangements = [{arrangements}]
metrics = ["loss", "rouge", "exact-match"]
seeds = [{seeds}]
budgets = [4800]
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """What something took, in seconds, and what it may take."""

    name: str
    seconds: float
    aim: float | None


def planned(cells: int, folder: Path) -> tuple[Plan, Path]:
    """A matrix of so many cells, and its file."""
    file = folder / f"store-{cells}.toml"
    seeds = ", ".join(map(str, range(cells // len(ARRANGEMENTS))))
    names = ", ".join(f'"{name}"' for name in ARRANGEMENTS)
    file.write_text(MATRIX.format(cells=cells, seeds=seeds, arrangements=names))
    return build_plan(load_matrix(str(file)), Registry()), file


def read(cells: int, folder: Path) -> list[Figure]:
    """Read a big store."""
    (folder / "big").mkdir(exist_ok=True)
    store = Store(folder / "big")
    plan, _ = planned(cells, folder)
    making = seconds(lambda: fill(store, plan, Results(TASKS, STEPS)))
    store.files.remove("index")
    found = [Figure("making the cells", making, None)]
    found.append(Figure("reading cell by cell, and writing the index", seconds(lambda: collect(store)), None))
    started = time.perf_counter()
    results = collect(store)
    found.append(Figure("reading from the index", time.perf_counter() - started, 15.0))
    found.append(Figure("computing the leaderboard", seconds(lambda: assemble(results)), None))
    found.append(Figure("comparing a plan", seconds(lambda: compare_with_store(plan.cells, store)), 3.0))
    return found


def rerun(folder: Path) -> list[Figure]:
    """Run a matrix again that is done: with its reports as they are, and with none."""
    store = Store(folder / "small")
    plan, file = planned(RERUN, folder)
    fill(store, plan, Results(TASKS, STEPS))
    command = [sys.executable, "-m", "zsg_harness", "run", "--matrix", str(file), "--store", store.url, "--quiet"]

    def run(arguments: list[str]) -> float:
        return seconds(lambda: subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL))

    python = min(run([sys.executable, "-c", "pass"]) for _ in range(3))
    run(command)
    again = min(run(command) for _ in range(3))
    store.files.remove("leaderboards")
    reports = run(command)
    return [
        Figure("Python's start", python, None),
        Figure(f"running {RERUN} cells that are done, less Python's start", again - python, 2.0),
        Figure("the same, with the reports to be written", reports - python, None),
    ]


def main() -> None:
    """Measure, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=10_000)
    parser.add_argument("--folder", type=Path, help="where the stores are made, and kept")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        figures = [*rerun(folder), *read(options.cells, folder)]
    for figure in figures:
        print(f"{figure.name:60} {figure.seconds:8.2f}s {'' if figure.aim is None else f'(aim {figure.aim:g} s)'}")
    by_name = {figure.name: figure.seconds for figure in figures}
    ratio = by_name["reading cell by cell, and writing the index"] / by_name["reading from the index"]
    print(f"{'index':60} {ratio:8.1f} times as fast")
    document: dict[str, Any] = {**command_and_hardware(), "cells": options.cells, "index_ratio": ratio}
    write_results(options.out, {**document, "figures": list(map(asdict, figures))})


if __name__ == "__main__":
    main()
