"""How long arrangements take, beside the one matrix product that none can do without.

    python benchmarks/arrangement.py [--case NAME …] [--rounds 7] [--device cpu] [--out benchmarks/results/….json]

Rows and columns are random unit vectors of 384 dimensions, 1,125 columns (the paper's Flan-mini test set). Every round
times the product and the arrangement one after the other; the figure is the ratio of their medians. The product is
`columns @ rows.T` in float32 at the fastest of several block sizes. Memory is the growth of the process beyond the
embeddings. The paper's way (a dense matrix of cosines, filled column by column, and scanned whole in every turn) is
timed once, since it takes minutes.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from measuring import command_and_hardware, seconds, write_results
from numpy.typing import NDArray

from zsg_harness.services.similarity import BlockwiseSimilarity
from zsg_registry import Registry, bind, parse_reference

COLUMNS: Final = 1125
WIDTH: Final = 384
GIB: Final = 2**30


@dataclass(frozen=True, slots=True)
class Case:
    """An arrangement of `rows` rows under a budget, and the ratio to the product that it should keep under."""

    arrangement: str
    rows: int
    budget: int
    aim: float
    memory_mapped: bool = False

    @property
    def name(self) -> str:
        """What `--case` calls it."""
        return f"{self.arrangement}:{self.rows}:{self.budget}{':mapped' * self.memory_mapped}"


SELECTIVE: Final = ("tma", "round-robin-nearest", "doubly-greedy", "knn-union")
CASES: Final = (
    *(Case(name, 200_000, 30_000, 1.6) for name in SELECTIVE),
    *(Case(name, 1_000_000, 30_000, 1.3) for name in SELECTIVE),
    Case("tma", 30_000, 30_000, 6.0),
    Case("nft", 1_000_000, 1_000_000, 1.2),
    Case("tma", 2_000_000, 30_000, 1.3, memory_mapped=True),
)


@dataclass(frozen=True, slots=True)
class Figures:
    """What a case came to: medians in seconds, their ratio, and memory beyond the embeddings in GiB."""

    case: str
    product: float
    arrangement: float
    ratio: float
    aim: float
    peak_gib: float
    rounds: int


class Vectors:
    """What an arrangement needs of a context: embeddings and their similarity."""

    batch_size = 16

    def __init__(self, rows: NDArray[np.float32], columns: NDArray[np.float32], budget: int, device: str) -> None:
        self.pool, self.query, self.budget = range(len(rows)), range(len(columns)), budget
        self._vectors = {"pool": rows, "query": columns}
        self._device = torch.device(device)

    def embeddings(self, role: str, view: str = "both") -> NDArray[np.float32]:
        """The vectors."""
        return self._vectors[role]

    def similarity(self, rows: Any, columns: Any, measure: Any = "cosine") -> BlockwiseSimilarity:
        """The harness's similarity."""
        return BlockwiseSimilarity(rows, columns, measure, device=self._device)


def unit_vectors(count: int, seed: int, file: Path | None = None) -> NDArray[np.float32]:
    """Random unit vectors, in memory or in a file."""
    rng = np.random.default_rng(seed)
    if file is None:
        vectors: NDArray[np.float32] = np.empty((count, WIDTH), np.float32)
    else:
        vectors = np.lib.format.open_memmap(file, "w+", np.float32, (count, WIDTH))
    for start in range(0, count, 50_000):
        part = rng.standard_normal((min(50_000, count - start), WIDTH), dtype=np.float32)
        vectors[start : start + len(part)] = part / np.linalg.norm(part, axis=1, keepdims=True)
    return vectors if file is None else np.load(file, mmap_mode="r")


def product(rows: NDArray[np.float32], columns: NDArray[np.float32], device: str) -> Callable[[], None]:
    """The float32 product of all rows with all columns, at the fastest of several block sizes."""
    if not rows.flags.writeable:
        rows = np.require(rows[:], requirements="W")
    right, left = torch.from_numpy(rows), torch.from_numpy(columns).to(device)

    def run(step: int) -> None:
        out = torch.empty(len(left), step, device=device)
        for start in range(0, len(right), step):
            block = right[start : start + step].to(device)
            torch.mm(left, block.T, out=out if len(block) == step else None)
        if device != "cpu":
            torch.cuda.synchronize()

    steps = [1024, 2048, 4096, 16_384] if device == "cpu" else [65_536, 262_144]
    fastest = min(steps, key=lambda step: min(seconds(lambda: run(step)) for _ in range(2)))
    return lambda: run(fastest)


@contextmanager
def peak_memory(found: list[float]) -> Iterator[None]:
    """Append the growth of the process's own memory (not of mapped files) in GiB."""

    def own() -> float:
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024 / GIB
        raise RuntimeError("this system does not tell how much memory a process has")

    before, peak, done = own(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak.append(own())

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()
        found.append(max(peak) - before)


def measure(case: Case, rounds: int, device: str, folder: Path) -> Figures:
    """Time a case."""
    rows = unit_vectors(case.rows, 0, folder / "rows.npy" if case.memory_mapped else None)
    columns = unit_vectors(COLUMNS, 1)
    reference = parse_reference(case.arrangement)
    arrangement: Any = bind(Registry().component("arrangement", reference), reference)
    context = Vectors(rows, columns, case.budget, device)
    multiply = product(rows, columns, device)
    peaks: list[float] = []
    with peak_memory(peaks):
        arrangement.arrange(context)
    times: list[tuple[float, float]] = []
    for _ in range(rounds):
        times.append((seconds(multiply), seconds(lambda: arrangement.arrange(context))))
    of_product, of_arrangement = (statistics.median(part) for part in zip(*times, strict=True))
    ratio = of_arrangement / of_product
    return Figures(case.name, of_product, of_arrangement, ratio, case.aim, peaks[0], rounds)


def papers_way(rows: NDArray[np.float32], columns: NDArray[np.float32], budget: int) -> tuple[float, float]:
    """Seconds for the dense matrix of cosines and for the turns, as Algorithm 1 is usually written."""
    right, left = torch.from_numpy(rows), torch.from_numpy(columns)
    started = time.perf_counter()
    similarity = np.stack([torch.cosine_similarity(column[None], right).numpy() for column in left])
    filled = time.perf_counter()
    taken = 0
    while taken < budget:
        picks = np.unique(similarity.argmax(axis=1))
        similarity[:, picks] = -np.inf
        taken += len(picks)
    return filled - started, time.perf_counter() - filled


def main() -> None:
    """Run the cases that were asked for, and print and write their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="may be repeated")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--papers-way", action="store_true", help="also time the paper's way at 200,000 rows")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    figures = []
    print(f"{'case':44} {'product':>9} {'arrange':>9} {'ratio':>7} {'aim':>5} {'peak':>9}")
    for case in (case for case in CASES if options.case is None or case.name in options.case):
        with tempfile.TemporaryDirectory() as folder:
            found = measure(case, options.rounds, options.device, Path(folder))
        figures.append(asdict(found))
        times = f"{found.product:8.3f}s {found.arrangement:8.3f}s"
        print(f"{found.case:44} {times} {found.ratio:7.2f} {found.aim:5.1f} {found.peak_gib:5.2f} GiB", flush=True)
    document: dict[str, Any] = {**command_and_hardware(), "figures": figures}
    if options.papers_way:
        filled, turns = papers_way(unit_vectors(200_000, 0), unit_vectors(COLUMNS, 1), 30_000)
        document["papers_way"] = {"rows": 200_000, "budget": 30_000, "similarity": filled, "turns": turns}
        print(f"the paper's way, 200,000 rows, 30,000 selected: {filled:.1f} s + {turns:.1f} s")
    write_results(options.out, document)


if __name__ == "__main__":
    main()
