"""A context for embedders, and texts of many lengths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from zsg_registry import Example, ExampleSet, ModelHandle, generator


def examples_of(texts: Sequence[str]) -> ExampleSet:
    """Each text as a prompt; the completion is a single word."""
    return ExampleSet.from_examples(
        Example(str(n), "task", prompt=text, completion="yes") for n, text in enumerate(texts)
    )


@dataclass
class Context:
    pool: ExampleSet
    cache_dir: Path
    device: str = "cpu"
    offline: bool = True

    def rng(self, *keys: str | int) -> np.random.Generator:
        return generator("fixed", 0, *keys)

    def model(self) -> ModelHandle:
        raise AssertionError("no embedder here declares the base model")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(examples_of(TEXTS), tmp_path)


@pytest.fixture
def make_examples() -> Callable[[Sequence[str]], ExampleSet]:
    return examples_of


@pytest.fixture
def texts() -> list[str]:
    return list(TEXTS)


WORDS = "the quick brown fox jumps over a lazy dog while seven wizards quietly fix 42 jackdaws".split()  # noqa: SIM905
TEXTS = [
    "",
    "?",
    "x",
    "naïve Ünïcode: 日本語 🟦",
    *(" ".join(WORDS[(n * n + k) % len(WORDS)] for k in range(length)) for n, length in enumerate([1, 3, 9, 30, 120])),
    " ".join(WORDS * 40),  # longer than any encoder here reads
    "x",
]
