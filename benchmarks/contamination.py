"""How well and how fast the contamination guard finds planted duplicates among 50,000 texts.

    python benchmarks/contamination.py --texts p3.jsonl.gz [--seed 1] [--out benchmarks/results/….json]

Of the data, 50,000 examples are the pool. The evaluation set is made from it: copies of 400 pool examples, of four
kinds, 100 each (exact; with other case and white space; the same prompt with another answer, that of another example
of the task; with one word of the prompt replaced by one of the pool's words), and 100 that share
only the template with a pool example: the words that half of its task's prompts have, at least six in ten of its own,
are kept, and the others, three at least, replaced by some of the pool's words; so is its answer, unless a tenth of the
task has it. A planted example is found when it is reported with its original. Precision is the share of reported
examples that are found ones.

The peer is bare MinHash LSH, as datasketch documents it: three-word shingles, 128 permutations, and a pair counts where
the estimated Jaccard index reaches a threshold, of which several are shown.

The guard was tuned on `--half tune`; figures are of `--half report`, of which it has seen no example.
"""

from __future__ import annotations

import argparse
import gzip
import json
import resource
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from itertools import chain, islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

import numpy as np
from measuring import command_and_hardware, write_results

from zsg_harness.contamination.guard import find
from zsg_registry import Example, ExampleSet

POOL: Final = 50_000
EACH: Final = 100
LEAST_SHARE: Final = 0.6
LEAST_CONTENT: Final = 3
"""What a text with other content has at least: its template's share of its words, and words that are not of it."""
KINDS: Final = ("exact", "case and white space", "another answer", "one word changed")
THRESHOLDS: Final = (0.5, 0.7, 0.9)

Pairs = list[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Planted:
    """A pool, and evaluation examples of which it has the originals.

    Attributes:
        kinds: How each evaluation example was made; "template" is one that shares nothing but that.
        originals: The position of each one's original in the pool, -1 of one that has none.
    """

    pool: ExampleSet
    evaluated: ExampleSet
    kinds: tuple[str, ...]
    originals: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """How well planted examples were found, in how many seconds, and how much memory the process had."""

    precision: float
    recall: float
    found: dict[str, int]
    seconds: float
    peak_gib: float


def plant(rows: list[dict[str, Any]], seed: int, half: str) -> Planted:
    """Make a pool and an evaluation set; the halves make theirs of different examples."""
    rng = np.random.default_rng(seed)
    pool = rng.permutation(len(rows))[:POOL]
    own = [place for place in range(POOL) if is_in(half, int(pool[place]))]
    places, others = own[: EACH * len(KINDS)], own[EACH * len(KINDS) :]
    by_task = defaultdict(list)
    for row in rows:
        by_task[row["task"]].append(row["completion"])
    vocabulary = " ".join(rows[row]["prompt"] for row in pool[:1000]).split()
    strangers = list(islice(with_other_content(rows, pool[others].tolist(), vocabulary, rng), EACH))
    copies = [
        changed(rows[pool[place]], KINDS[number // EACH], by_task, vocabulary, rng)
        for number, place in enumerate(places)
    ]
    evaluated = [*copies, *strangers]
    return Planted(
        examples([rows[row] for row in pool], "seen"),
        examples(evaluated, "unseen"),
        (*(KINDS[number // EACH] for number in range(len(places))), *["template"] * len(strangers)),
        (*places, *[-1] * len(strangers)),
    )


def is_in(half: str, row: int) -> bool:
    """Whether an example may be planted."""
    return row % 2 == (half == "report")


def examples(rows: list[dict[str, Any]], side: Any) -> ExampleSet:
    """Rows as examples."""
    return ExampleSet.from_examples(
        Example(id=str(place), side=side, **{name: row[name] for name in ("task", "source", "prompt", "completion")})
        for place, row in enumerate(rows)
    )


def changed(
    row: dict[str, Any], kind: str, by_task: dict[str, list[str]], vocabulary: list[str], rng: np.random.Generator
) -> dict[str, Any]:
    """A copy of an example, changed as its kind says."""
    if kind == "case and white space":
        return row | {
            "prompt": "  ".join(row["prompt"].upper().split(" ")) + "\n",
            "completion": row["completion"].title(),
        }
    if kind == "another answer":
        others = [answer for answer in by_task[row["task"]] if answer.split() != row["completion"].split()]
        return row | {"completion": others[rng.integers(len(others))] if others else row["completion"] + " or not"}
    if kind == "one word changed":
        words = row["prompt"].split(" ")
        place = rng.choice([place for place, word in enumerate(words) if word.strip()])
        others = [word for word in rng.choice(vocabulary, 20) if word.lower() != words[place].lower()]
        return row | {"prompt": " ".join([*words[:place], others[0], *words[place + 1 :]])}
    return row


def with_other_content(
    rows: list[dict[str, Any]], places: list[int], vocabulary: list[str], rng: np.random.Generator
) -> Iterator[dict[str, Any]]:
    """Examples that have the template of others, with other words in it.

    Args:
        rows: The data.
        places: Whose templates; those that have hardly any, or nothing else, are passed over.
        vocabulary: The words.
        rng: Draws them.
    """
    tasks: dict[str, list[set[str]]] = defaultdict(list)
    for row in rows:
        tasks[row["task"]].append(set(row["prompt"].split()))
    answers = Counter((row["task"], row["completion"]) for row in rows)
    counts = {task: Counter(chain.from_iterable(prompts)) for task, prompts in tasks.items()}
    for row in (rows[place] for place in places):
        words, task = row["prompt"].split(), row["task"]
        is_template = [counts[task][word] >= len(tasks[task]) / 2 for word in words]
        if sum(is_template) >= LEAST_SHARE * len(words) and len(words) - sum(is_template) >= LEAST_CONTENT:
            drawn = zip(words, is_template, rng.choice(vocabulary, len(words)), strict=True)
            prompt = " ".join(word if kept else other for word, kept, other in drawn)
            answer = row["completion"]
            if answers[task, answer] < len(tasks[task]) / 10:
                answer = " ".join(rng.choice(vocabulary, max(len(answer.split()), 1)))
            yield row | {"prompt": prompt, "completion": answer}


def guard(planted: Planted) -> Pairs:
    """The pairs that the guard reports."""
    return [(int(pair["evaluated"]), int(pair["pooled"])) for pair in find(planted.pool, planted.evaluated).pairs]


def timed(planted: Planted, threshold: float | None) -> tuple[float, float, Pairs]:
    """The seconds that it takes, the most memory that this process had, data and libraries included, and the pairs."""
    started = time.perf_counter()
    pairs = guard(planted) if threshold is None else peer(planted, threshold)
    return time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, pairs


def peer(planted: Planted, threshold: float) -> Pairs:
    """The pairs that MinHash LSH alone reports."""
    from datasketch import MinHash, MinHashLSH

    def hashed(texts: list[str]) -> list[Any]:
        words = [text.lower().split() for text in texts]
        runs = [[" ".join(run).encode() for run in zip(own, own[1:], own[2:], strict=False)] for own in words]
        return MinHash.bulk(runs, num_perm=128)

    index = MinHashLSH(threshold=threshold, num_perm=128)
    mine = hashed(planted.evaluated.texts())
    for place, hashes in enumerate(mine):
        index.insert(place, hashes)
    return [
        (each, place)
        for place, hashes in enumerate(hashed(planted.pool.texts()))
        for each in index.query(hashes)
        if mine[each].jaccard(hashes) >= threshold
    ]


def measure(planted: Planted, threshold: float | None) -> Figures:
    """How well and how fast the guard is, or the peer at a threshold, in a process of its own."""
    with ProcessPoolExecutor(1, get_context("spawn")) as alone:
        seconds, gib, pairs = alone.submit(timed, planted, threshold).result()
    reported, hit = {mine for mine, _ in pairs}, set(pairs)
    found = Counter(
        kind
        for place, (kind, original) in enumerate(zip(planted.kinds, planted.originals, strict=True))
        if (place, original) in hit or (original < 0 and place in reported)
    )
    right = found.total() - found["template"]
    named = {kind: found[kind] for kind in (*KINDS, "template")}
    return Figures(right / max(len(reported), 1), right / sum(o >= 0 for o in planted.originals), named, seconds, gib)


def main() -> None:
    """Measure the guard and the peer."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=Path, required=True, help="task, source, prompt and completion a line")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--half", choices=["tune", "report"], default="report")
    parser.add_argument("--without-peer", action="store_true")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with gzip.open(arguments.texts, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    planted = plant(rows, arguments.seed, arguments.half)
    del rows
    print(f"{len(planted.evaluated)} evaluation examples: {dict(Counter(planted.kinds))}")
    results: dict[str, Figures] = {}
    for threshold in (None, *(() if arguments.without_peer else THRESHOLDS)):
        name = "guard" if threshold is None else f"datasketch, threshold {threshold}"
        results[name] = measure(planted, threshold)
        show(name, results[name])
    document = {name: asdict(figures) for name, figures in results.items()}
    about = command_and_hardware() | {"pool": len(planted.pool)}
    write_results(arguments.out, {"about": about, "results": document})


def show(name: str, figures: Figures) -> None:
    """Print a line."""
    print(
        f"{name}: precision {figures.precision:.3f}, recall {figures.recall:.3f}, {figures.seconds:.1f} s, "
        f"{figures.peak_gib:.2f} GiB; found {figures.found}"
    )


if __name__ == "__main__":
    main()
