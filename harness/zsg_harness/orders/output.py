"""What `arrange` leaves behind: the order by ids, or the data itself in its new order for any trainer.

`.parquet` is the order file (see `zsg_registry.order_file`). `.jsonl` is the data, one example a line in training
order, and beside it `.order.json`, the document that the order file has in its metadata: where the order came from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np

from zsg_harness.orders.arrange import Arranged
from zsg_harness.store.atomic import replacing, write_bytes, write_text
from zsg_harness.store.formats import parquet_bytes
from zsg_registry import ExampleSet, Order, ZsgError

_CHUNK: Final = 8192
_PLAIN: Final = ("prompt", "completion")
_KEPT: Final = ("id", "task", "source")


def write_arranged(arranged: Arranged, pool: ExampleSet, out: Path) -> list[Path]:
    """Write an order in the form that the suffix of `out` says; returns the files written.

    Raises:
        ZsgError: A file cannot be written.
    """
    try:
        if out.suffix == ".parquet":
            write_bytes(out, parquet_bytes(arranged.file.to_arrow()))
            return [out]
        beside = out.with_suffix(".order.json")
        document = json.dumps(arranged.file.document, indent=1, ensure_ascii=False, allow_nan=False)
        write_text(beside, document + "\n")
        with replacing(out) as file:
            for row in trainer_rows(arranged, pool):
                file.write((json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n").encode())
        return [out, beside]
    except OSError as error:
        raise ZsgError(f"{error.filename or out} cannot be written: {error.strerror or error}") from None


def trainer_rows(arranged: Arranged, pool: ExampleSet) -> Iterator[dict[str, Any]]:
    """The examples in training order, as trainers read them.

    A row has `prompt` and `completion`; where the pool has dialogues, every row has `messages` instead, for a trainer
    wants one form. Then `id`, `task`, `source`, and what the order says of it: `stage` (with `stage_name` where stages
    have names), `score`, `step` (from 1 on).
    """
    order = arranged.file.order
    as_dialogues = "messages" in pool.columns and pool.arrow.column("messages").null_count < len(pool)
    facts = _facts(order)
    for start in range(0, len(order), _CHUNK):
        part = pool.take(arranged.order.indices[start : start + _CHUNK])
        for row in part.arrow.to_pylist():
            content = {"messages": _turns(row)} if as_dialogues else {name: row[name] for name in _PLAIN}
            yield {**content, **{name: row[name] for name in _KEPT}, **next(facts)}


def _turns(row: dict[str, Any]) -> list[dict[str, str]]:
    if row["messages"] is not None:
        turns: list[dict[str, str]] = row["messages"]
        return turns
    return [{"role": "user", "content": row["prompt"]}, {"role": "assistant", "content": row["completion"]}]


def _facts(order: Order) -> Iterator[dict[str, Any]]:
    """What the order says of each position. A score is written with the digits that float32 has, NaN as null."""
    n = len(order)
    assert order.steps is not None
    steps = np.repeat(np.arange(1, len(order.steps) + 1), np.diff(order.steps, prepend=0)).tolist()
    stages = [None] * n if order.stages is None else order.stages.tolist()
    scores = [None] * n if order.scores is None else [float(str(x)) if np.isfinite(x) else None for x in order.scores]
    for stage, score, step in zip(stages, scores, steps, strict=True):
        named = {} if order.stage_names is None else {"stage_name": order.stage_names[stage]}
        yield {"stage": stage, **named, "score": score, "step": step}
