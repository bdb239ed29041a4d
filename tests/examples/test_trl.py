"""The order survives the trip to another trainer: what TRL consumes at each step is the order's step."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from zsg_harness.cli import main
from zsg_harness.matrix.schema import ModelEntry
from zsg_harness.models.resolve import resolve_model

SCRIPT = Path(__file__).parents[2] / "examples" / "trl" / "train.py"


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")


@pytest.fixture(scope="module")
def model() -> str:
    """The bundled model, which needs no network."""
    return resolve_model(ModelEntry(use="zsg-tiny"), Path()).name_or_path


@pytest.fixture(scope="module")
def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("trl_example", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_pool(folder: Path, answer: Callable[[int], str]) -> Path:
    """24 examples of which each has a prompt of its own length, so that grouping by length would show."""
    path = folder / "pool.jsonl"
    rows = [
        {"id": f"e{i}", "prompt": " ".join(["word"] * (1 + 7 * i % 24)) + f" number {i}", "completion": answer(i)}
        for i in range(24)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def arranged(pool: Path) -> list[dict[str, Any]]:
    out = pool.with_name("ordered.jsonl")
    command = ["arrange", pool, "-a", "random", "--seed", 3, "--budget", 22, "--batch-size", 5, "--out", out]
    assert main([str(part) for part in command]) == 0
    return [json.loads(line) for line in out.read_text().splitlines()]


def test_each_step_consumes_the_orders_examples(tmp_path: Path, model: str, example: ModuleType) -> None:
    rows = arranged(write_pool(tmp_path, lambda i: f" answer {i}"))
    assert [row["id"] for row in rows] != sorted((row["id"] for row in rows), key=lambda name: int(name[1:]))
    trainer = example.trainer_for(tmp_path / "ordered.jsonl", model, tmp_path / "trained")
    consumed: list[list[str]] = []
    collate = trainer.data_collator

    def recording(batch: list[dict[str, Any]]) -> Any:
        consumed.append([trainer.processing_class.decode(row["input_ids"]) for row in batch])
        return collate(batch)

    trainer.data_collator = recording
    assert trainer.train().global_step == 5
    assert [len(batch) for batch in consumed] == [5, 5, 5, 5, 2]
    for number, batch in enumerate(consumed, start=1):
        planned = [row["prompt"] + row["completion"] for row in rows if row["step"] == number]
        assert all(text in seen for text, seen in zip(planned, batch, strict=True))


def test_dropped_examples_are_not_passed_over(tmp_path: Path, model: str, example: ModuleType) -> None:
    arranged(write_pool(tmp_path, lambda i: " answer"))
    with pytest.raises(SystemExit, match="dropped examples"):
        example.trainer_for(tmp_path / "ordered.jsonl", model, tmp_path / "trained", max_length=12)
