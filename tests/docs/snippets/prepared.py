"""Small files that a reader has and a page does not show."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

_WORDS = ("river", "stone", "lamp", "seven", "cloud", "paper", "green", "window", "night", "bread", "song", "winter")


def prepare(name: str) -> None:
    """Write one of the files."""
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    _FILES[name](path)


def _rows(tasks: int, each: int, *, seed: int = 0) -> Iterator[dict[str, str]]:
    """Examples of some tasks, whose texts are alike within a task."""
    rng = random.Random(seed)
    for task in range(tasks):
        for number in range(each):
            words = rng.sample(_WORDS, 3 + task % 3)
            yield {
                "id": f"t{task}-{seed}-{number}",
                "task": f"t{task}",
                "prompt": f"Task {task}: repeat {' '.join(words)}",
                "completion": " ".join(words[: 1 + task % 2]),
            }


def _lines(rows: Iterator[dict[str, str]]) -> str:
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def _pool(path: Path) -> None:
    path.write_text(_lines(_rows(4, 10)))


def _wanted(path: Path) -> None:
    path.write_text(_lines(_rows(2, 4, seed=1)))


def _data(path: Path) -> None:
    path.write_bytes(gzip.compress(_lines(_rows(6, 4)).encode()))


_FILES: dict[str, Callable[[Path], None]] = {"pool.jsonl": _pool, "wanted.jsonl": _wanted, "data.jsonl.gz": _data}
