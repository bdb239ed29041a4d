"""A small synthetic store, written by the contract and by nothing of the harness."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

METRICS = {
    "loss": {"direction": "lower", "scope": "unseen"},
    "rougeL": {"direction": "higher", "scope": "unseen"},
    "exact_match": {"direction": "higher", "scope": "unseen"},
    "seen_loss": {"direction": "lower", "scope": "seen"},
    "hellaswag": {"direction": "higher", "scope": "external"},
}


@dataclass
class StoreWriter:
    """Writes cells into `path`; `plan()` freezes a matrix of all that were written so far."""

    path: Path
    planned: list[dict[str, Any]] = field(default_factory=list)

    def cell(
        self,
        arrangement: str,
        loss: Sequence[float] | Mapping[str, Sequence[float]] = (9.0, 6.0, 5.0),
        *,
        steps: Sequence[int] = (0, 1, 10),
        tokens_per_step: int = 100,
        counts: Mapping[str, int] | None = None,
        scores: Mapping[str, Mapping[str, float | Sequence[float]]] | None = None,
        seeds: Sequence[Any] = (0,),
        order: str = "o",
        examples: str = "s",
        block: str = "b",
        streams: Mapping[str, int | None] | None = None,
        state: str = "finished",
        reason: str | None = None,
        access: str = "answers",
        held_out: str = "unseen tasks",
        metrics: Mapping[str, Any] = METRICS,
        provenance: Mapping[str, Any] | None = None,
        contamination: Mapping[str, Any] | None = None,
        **labels: str | None,
    ) -> Path:
        """Write one cell and return its attempt's folder.

        Args:
            loss: The loss at each step: of every task alike, or by task.
            scores: Metric to task to its value at the last step, or at each step.
        """
        curves = loss if isinstance(loss, Mapping) else {"task-a": loss, "task-b": loss}
        named = {"arrangement": arrangement, "dataset": "toy", "embedder": None, "model": "tiny", "budget": "all"}
        named |= labels
        identity = json.dumps([named, order, block, list(seeds)], sort_keys=True)
        cell_id = hashlib.sha256(identity.encode()).hexdigest()[:16]
        self.planned.append(
            {
                "cell_id": cell_id,
                "evaluation_id": "e" + cell_id,
                "labels": named,
                "seeds": list(seeds),
                "access": access,
                "state": "skipped" if state == "skipped" else "planned",
                "reason": reason if state == "skipped" else None,
            }
        )
        folder = self.path / "cells" / cell_id
        attempt = folder / "attempt-1"
        if state in ("skipped", "planned"):
            return attempt
        attempt.mkdir(parents=True)
        write_json(
            folder / "cell.json",
            {
                "schema_version": 1,
                "cell_id": cell_id,
                "evaluation_id": "e" + cell_id,
                "labels": named,
                "seeds": streams or {"data": None, "order": None, "train": None},
                "access": access,
                "oracle": False,
                "block": block,
                "spec": {},
            },
        )
        write_json(
            attempt / "status.json",
            {
                "schema_version": 1,
                "state": state,
                "reason": reason,
                "set_hash": examples,
                "order_hash": order,
                "held_out": held_out,
                "started": "2026-01-01T00:00:00Z",
                "seconds": 1.5,
                "counts": {"invalid_eval": 0},
                **({} if contamination is None else {"contamination": contamination}),
                "provenance": provenance or {"packages": {"torch": "2.0"}, "device": "cpu"},
            },
        )
        if state == "finished":
            self._commit(folder, attempt, curves, steps, tokens_per_step, counts or {}, scores or {}, metrics)
        return attempt

    def _commit(
        self,
        folder: Path,
        attempt: Path,
        curves: Mapping[str, Sequence[float]],
        steps: Sequence[int],
        tokens_per_step: int,
        counts: Mapping[str, int],
        scores: Mapping[str, Mapping[str, float | Sequence[float]]],
        metrics: Mapping[str, Any],
    ) -> None:
        rows = [
            (step, step * tokens_per_step, task, "loss", value, counts.get(task, 5))
            for task, curve in curves.items()
            for step, value in zip(steps, curve, strict=True)
        ]
        rows += [
            (step, step * tokens_per_step, task, metric, value, counts.get(task, 5))
            for metric, by_task in scores.items()
            for task, told in by_task.items()
            for step, value in (zip(steps, told, strict=True) if isinstance(told, Sequence) else [(steps[-1], told)])
        ]
        write_scores(attempt / "scores.parquet", rows)
        write_json(attempt / "metrics.json", metrics)
        files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(attempt.iterdir())}
        write_json(folder / "done.json", {"schema_version": 1, "attempt": attempt.name, "files": files})

    def plan(self, name: str = "toy-matrix", matrix: Mapping[str, Any] | None = None) -> str:
        """Freeze a plan of the cells written so far; returns the stem of its file."""
        stem = f"{name}-{len(self.planned):04d}"
        path = self.path / "matrices" / f"{stem}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        default = {"matrix": {"name": name, "arrangements": ["random", "nft"]}, "training": {"batch_size": 16}}
        plan = {"schema_version": 1, "name": name, "matrix": matrix or default, "cells": self.planned}
        write_json(path, plan)
        self.planned = []
        return stem


def write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))


def write_scores(path: Path, rows: Sequence[tuple[int, int, str, str, float, int]]) -> None:
    columns = list(zip(*rows, strict=True))
    schema = pa.schema(
        {
            "step": pa.int32(),
            "tokens": pa.int64(),
            "task": pa.string(),
            "metric": pa.string(),
            "value": pa.float64(),
            "count": pa.int64(),
        }
    )
    arrays = [pa.array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
    pq.write_table(pa.table(arrays, schema=schema), path)


@pytest.fixture(scope="session")
def store_at() -> type[StoreWriter]:
    """Opens an empty store at a path."""
    return StoreWriter


@pytest.fixture
def store(tmp_path: Path) -> StoreWriter:
    """An empty store to write cells into."""
    return StoreWriter(tmp_path / "store")
