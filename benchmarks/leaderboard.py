"""The reports of a big store: how long each part of them takes, how much memory, and how big the page is.

    python benchmarks/leaderboard.py [--cells 1000] [--folder DIR] [--out benchmarks/results/….json]

A thousand cells are planned for real (40 arrangements, five seeds, five budgets) and their results made up: 30
evaluations of 60 unseen tasks, and of 12 seen ones. Making them takes a minute; `--folder` names a place where an
earlier call has left them.

`leaderboard --store` is run as a user would, in a process of its own: once on cells that nobody has read, once from the
index, and once where the reports are there already. Then every part of it is timed by itself, in another process. The
floor is what nobody can do without: reading the same tables of scores with pyarrow, without looking at them.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq
from made_up import Results, fill
from measuring import command_and_hardware, write_results

from zsg_harness.matrix.load import load_matrix
from zsg_harness.plan.build import Plan, build_plan
from zsg_harness.store.store import Store
from zsg_registry import Registry

SECONDS: Final = 30.0
GIBIBYTES: Final = 2.0
"""Aims of the whole command."""
PAGE: Final = 8e6
"""Bytes that the page may have."""
TASKS: Final = tuple(f"task-{number:02}" for number in range(60))
SEEN: Final = tuple(f"seen-{number:02}" for number in range(12))
STEPS: Final = (0, 1, 2, 3, 5, 7, *range(10, 240, 10), 240)
PER_ARRANGEMENT: Final = 25
MADE_BY: Final = ("board", "collect", "write")
"""Modules that make the reports."""
MATRIX: Final = """
[matrix]
name = "leaderboard-{cells}"
models = ["zsg-tiny"]
datasets = ["procedural"]
arrangements = ["random", "random | reverse"{arrangements}]
controls = ["shuffle"]
metrics = ["loss", "rouge", "exact-match"]
budgets = [960, 1920, 2880, 3840, 4800]
seeds = [0, 1, 2, 3, 4]
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """What something took: by the clock, and of the processor, which tells even where other programs run too."""

    name: str
    seconds: float
    cpu_seconds: float
    gibibytes: float
    aim: float | None = None


def planned(cells: int, folder: Path) -> Plan:
    """A matrix of about so many cells: half of its arrangements are controls of the others."""
    folds = "".join(f', "random | fold[folds={number}]"' for number in range(2, cells // PER_ARRANGEMENT // 2 + 1))
    file = folder / f"leaderboard-{cells}.toml"
    file.write_text(MATRIX.format(cells=cells, arrangements=folds))
    return build_plan(load_matrix(str(file)), Registry())


def command(store: Path, out: Path, name: str, aim: float | None) -> Figure:
    """The command in a process of its own, with the most memory that it ever had."""
    arguments = ["-m", "zsg_harness", "leaderboard", "--store", str(store), "--out", str(out), "--quiet"]
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, *arguments], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    took = time.perf_counter() - started
    if status:
        raise SystemExit(f"the command failed ({os.waitstatus_to_exitcode(status)})")
    return Figure(name, took, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20, aim)


def parts(store: Path) -> list[dict[str, Any]]:
    """Every part of the reports, one after the other in this process; memory is the most until then."""
    found: list[Figure] = []

    def timed(name: str, make: Callable[[], Any]) -> Any:
        started, worked = time.perf_counter(), time.process_time()
        made = make()
        took, work = time.perf_counter() - started, time.process_time() - worked
        found.append(Figure(name, took, work, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20))
        return made

    board, collect, write = timed(
        "importing", lambda: [import_module(f"zsg_harness.reports.{name}") for name in MADE_BY]
    )
    results = timed("reading from the index", lambda: collect.collect(Store(store)))
    made = timed("computing the leaderboard", lambda: board.assemble(results))
    steps = timed("tidy scores", lambda: write.every_step(made))
    timed("scores.parquet", lambda: write._parquet(steps))
    timed("scores.csv", lambda: write._csv(write.final_step(steps)))
    timed("leaderboard.csv", lambda: write._csv(made.rows))
    timed("leaderboard.md", lambda: write.markdown(made))
    timed("leaderboard.tex", lambda: write.latex(made))
    timed("leaderboard.json", lambda: write._json(write.document(made)))
    timed("index.html", lambda: write.page(made))
    return list(map(asdict, found))


def floor(store: Path) -> float:
    """Processor time of reading all tables of scores, and nothing else."""
    files = sorted(store.glob("cells/*/*/scores.parquet"))
    started = time.process_time()
    for file in files:
        pq.read_table(file, use_threads=False)
    return time.process_time() - started


def measure(cells: int, folder: Path) -> dict[str, Any]:
    """Make the store if it is not there, and take all figures."""
    place, out = folder / "store", folder / "report"
    plan = planned(cells, folder)
    store = Store(place)
    fill(store, plan, Results(TASKS, STEPS, SEEN))
    for cache in ("index", "cache"):
        store.files.remove(cache)
    figures = [
        command(place, out, "all reports, of cells that nobody has read", SECONDS),
        command(place, folder / "again", "all reports, from the index", SECONDS),
        command(place, out, "reports that are there already", None),
    ]
    told = subprocess.run([sys.executable, __file__, "--parts", str(place)], capture_output=True, check=True, text=True)
    of_parts = [Figure(**each) for each in json.loads(told.stdout)]
    least = floor(place)
    sizes = {file.name: file.stat().st_size for file in sorted(out.iterdir()) if file.is_file()}
    for figure in (*figures, *of_parts):
        aim = "" if figure.aim is None else f"  (aims {figure.aim:g} s, {GIBIBYTES:g} GiB)"
        print(
            f"{figure.name:48} {figure.seconds:7.2f} s {figure.cpu_seconds:7.2f} s CPU {figure.gibibytes:6.2f} GiB{aim}"
        )
    print(f"{'reading the tables of scores (floor)':48} {least:17.2f} s CPU")
    print(f"{'all reports, beside the floor':48} {figures[1].cpu_seconds / least:17.1f} times")
    print(f"{'index.html':48} {sizes['index.html'] / 1e6:7.2f} MB  (aim {PAGE / 1e6:g} MB)")
    return {
        "cells": len(plan.cells),
        "evaluations": len(STEPS),
        "tasks": len(TASKS),
        "floor_cpu_seconds": least,
        "ratio": figures[1].cpu_seconds / least,
        "figures": list(map(asdict, figures)),
        "parts": list(map(asdict, of_parts)),
        "bytes": sizes,
    }


def main() -> None:
    """Measure, and print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=1000)
    parser.add_argument("--folder", type=Path, help="where the store is made, and kept")
    parser.add_argument("--parts", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.parts:
        print(json.dumps(parts(options.parts)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        write_results(options.out, {**command_and_hardware(), **measure(options.cells, folder)})


if __name__ == "__main__":
    main()
