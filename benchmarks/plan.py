"""How long planning takes, beside writing and hashing as many documents.

    python benchmarks/plan.py [--seeds 500] [--rounds 3] [--out benchmarks/results/….json]

The matrix has 20 arrangements with parameters and 500 seeds: 10,000 cells. They are planned against an empty store; a
store where all are finished; and one where all were finished with another learning rate, so that each is compared with
one of its own. The stores are made up of descriptions and statuses, as cells leave them, without tables.

The floor is what identities cost alone: the canonical text of each cell's document and its hash, three times (a cell
has three). A round times every case once, one after the other; the figures are medians. The command is a process of its
own, timed from its start to its end, beside one that prints the version.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from measuring import command_and_hardware, seconds, write_results

from zsg_harness.identity import identity
from zsg_harness.matrix.load import load_matrix
from zsg_harness.plan.build import build_plan
from zsg_harness.plan.cell import Cell
from zsg_harness.plan.decide import Wanted, decide
from zsg_harness.plan.forecast import foresee
from zsg_harness.runner import freeze
from zsg_harness.store.store import Store
from zsg_registry import Registry

AIM: Final = 3.0
"""Seconds that planning should stay under, whatever the store has."""

MATRIX: Final = """
[matrix]
name = "many"
embedders = ["tfidf"]
arrangements = [
    {{ use = "tma", grid = {{ mode = ["nearest", "farthest"] }} }},
    {{ use = "tma", grid = {{ mode = ["nearest", "farthest"] }}, then = ["reverse"] }},
    {{ use = "nft", grid = {{ measure = ["wsd", "avg", "min", "max"] }} }},
    {{ use = "fft", grid = {{ measure = ["wsd", "avg", "min", "max"] }} }},
    {{ use = "nft", grid = {{ measure = ["wsd", "avg", "min", "max"] }}, then = ["zigzag"] }},
    "random", "random | head[n=100]", "sort", "sort | reverse",
]
budgets = [200]
seeds = [{seeds}]

[data]
per_seen_task = 8

[training]
learning_rate = {rate}
"""


def write_matrix(folder: Path, seeds: int, rate: float = 3e-4) -> Path:
    """The matrix file."""
    file = folder / f"many-{rate}.toml"
    file.write_text(MATRIX.format(seeds=", ".join(map(str, range(seeds))), rate=rate), encoding="utf-8")
    return file


def planning(matrix: Path, store: Path) -> Sequence[Cell]:
    """All that `plan` does before it prints."""
    place = Store(store)
    plan = build_plan(load_matrix(matrix), Registry())
    cells = decide(plan, place, Wanted())
    foresee(plan, cells, place, plan.loaded.matrix.run)
    return cells


def finish(matrix: Path, store: Path) -> None:
    """Make a store in which every cell of a matrix is finished."""
    plan = build_plan(load_matrix(matrix), Registry())
    freeze(plan, Store(store))
    for number, cell in enumerate(plan.cells):
        folder = store / "cells" / cell.cell_id
        attempt = f"20250101T000000-1-{number:06d}"
        (folder / attempt).mkdir(parents=True)
        files = {"cell": cell.model_dump(mode="json"), f"{attempt}/status": STATUS, "done": {"attempt": attempt}}
        for name, document in files.items():
            (folder / f"{name}.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


STATUS: Final = {
    "state": "finished",
    "seconds": 9.5,
    "roles": {"pool": 448, "probe": 0, "eval": 240, "query": 240},
    "examples": 200,
    "steps": 13,
    "tokens": 14_000,
    "timings": {"arrange": 0.5, "train": 4.0, "evaluate": 4.0, "checkpoint": 0.0},
    "provenance": {"device": "cpu", "device_name": "a CPU", "threads": 1},
}


def floor(cells: Sequence[Cell]) -> None:
    """Three hashes of each cell's document."""
    for cell in cells:
        for _ in range(3):
            identity(cell.spec)


def command(*words: str) -> Callable[[], object]:
    """A command line in a process of its own."""
    code = "import sys; from zsg_harness.cli import main; sys.exit(main())"
    return lambda: subprocess.run([sys.executable, "-c", code, *words], check=True, capture_output=True)


def measure(folder: Path, seeds_: int, rounds: int) -> tuple[int, list[dict[str, Any]]]:
    """How many cells there are; and each case's seconds and ratio to the floor."""
    matrix = write_matrix(folder, seeds_)
    finish(matrix, folder / "finished")
    finish(write_matrix(folder, seeds_, 1e-3), folder / "changed")
    cells = build_plan(load_matrix(matrix), Registry()).cells
    plan = ("plan", "--matrix", str(matrix), "--store")
    cases: dict[str, Callable[[], object]] = {
        "floor": lambda: floor(cells),
        "empty": lambda: planning(matrix, folder / "empty"),
        "finished": lambda: planning(matrix, folder / "finished"),
        "changed": lambda: planning(matrix, folder / "changed"),
        "command, version": command("--version"),
        "command, empty": command(*plan, str(folder / "empty")),
        "command, finished": command(*plan, str(folder / "finished")),
        "command, changed": command(*plan, str(folder / "changed")),
    }
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(1, rounds + 1):
        for name, case in cases.items():
            taken[name].append(seconds(case))
        print(f"round {number}:", ", ".join(f"{taken[name][-1]:.2f} s" for name in cases), file=sys.stderr, flush=True)
    medians = {name: median(times) for name, times in taken.items()}
    return len(cells), [
        {"case": name, "median_seconds": own, "seconds": taken[name], "ratio": own / medians["floor"]}
        for name, own in medians.items()
    ]


def main() -> None:
    """Measure, print and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    with tempfile.TemporaryDirectory() as folder:
        count, figures = measure(Path(folder), options.seeds, options.rounds)
    print(f"{count} cells\n{'case':24} {'seconds':>9} {'ratio':>6}   aim")
    for row in figures:
        aim = f"≤ {AIM:.0f} s" if row["case"] in ("empty", "finished", "changed") else ""
        print(f"{row['case']:24} {row['median_seconds']:9.2f} {row['ratio']:6.2f}   {aim}")
    write_results(options.out, {**command_and_hardware(), "cells": count, "aim_seconds": AIM, "figures": figures})


if __name__ == "__main__":
    main()
