"""How much faster a matrix is done by several workers: the quick start by N workers on N cores, beside one on one.

    python benchmarks/parallel.py [--workers 2] [--matrix quickstart] [--out benchmarks/results/….json]

Each run is a process of its own with a new store, from its start to its leaderboard: what is shared (data, embeddings,
losses before training) and what comes first (imports, the plan) is in it. An ideal of two workers is 0.5.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")

from measuring import command_and_hardware, seconds, write_results


def run(matrix: str, workers: int) -> None:
    """Run the matrix on as many cores as there are workers."""
    cores = sorted(os.sched_getaffinity(0))[:workers]
    with tempfile.TemporaryDirectory() as store:
        command = [sys.executable, "-m", "zsg_harness", "run", "--matrix", matrix, "--store", store]
        subprocess.run(
            [*command, "--workers", str(workers), "--quiet"],
            check=True,
            stdout=subprocess.DEVNULL,
            preexec_fn=partial(os.sched_setaffinity, 0, cores),
        )


def main() -> None:
    """Time both, and print and write their ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--matrix", default="quickstart")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    alone, together = (seconds(partial(run, options.matrix, workers)) for workers in (1, options.workers))
    ratio = together / alone
    print(f"{options.matrix}: {alone:.1f} s by one worker, {together:.1f} s by {options.workers}: {ratio:.2f}")
    figures = {"matrix": options.matrix, "workers": options.workers, "alone": alone, "together": together}
    write_results(options.out, {**command_and_hardware(), **figures, "ratio": ratio})


if __name__ == "__main__":
    main()
