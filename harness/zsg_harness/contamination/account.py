"""What a cell keeps of the guard's findings: how many scored examples they are, and the loss without them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from zsg_harness.contamination.findings import Findings, Kind
from zsg_registry import ExampleSet


def account(
    findings: Findings, offered: ExampleSet, pool: ExampleSet, evaluated: ExampleSet, examples: pa.Table
) -> dict[str, Any]:
    """What `status.json` says under `contamination`.

    Args:
        findings: Pairs of `offered` and `evaluated`.
        offered: The pool before anything was dropped.
        pool: The pool that was trained on.
        evaluated: The scored examples.
        examples: Their losses, the cell's `examples.parquet`.
    """
    dropped = len(offered) - len(pool)
    left = findings.of_rest(findings.proven.pooled) if dropped else findings
    affected = affected_ids(findings.table(offered, evaluated), dropped)
    tasks: dict[str, Counter[str]] = {}
    for place, kind in left.surest().items():
        tasks.setdefault(evaluated["task"][place] or "", Counter())[kind.label] += 1
    return {
        "scored": len(evaluated),
        "affected": len(affected),
        "kinds": {kind.label: sum(found[kind.label] for found in tasks.values()) for kind in Kind},
        "tasks": {task: dict(found) for task, found in sorted(tasks.items())},
        "sources": shared_sources(pool, evaluated),
        "dropped": dropped,
        "without": _curve_without(examples, affected) if affected else None,
    }


def affected_ids(found: pa.Table, dropped: int) -> set[str]:
    """The scored examples that the pool has too, as the texts themselves show: none, if their originals were dropped.

    Args:
        found: The cell's `contamination.parquet`.
        dropped: How many examples of the pool were.
    """
    frame = found.select(["example_id", "kind"]).to_pandas()
    return set() if dropped else set(frame["example_id"][frame["kind"] != Kind.SIMILAR.label])


def shared_sources(pool: ExampleSet, evaluated: ExampleSet) -> dict[str, int]:
    """The sources that both sides have, each with its scored examples."""
    theirs = set(pool["source"])
    return dict(sorted(Counter(source for source in evaluated["source"] if source and source in theirs).items()))


def _curve_without(examples: pa.Table, affected: set[str]) -> dict[str, list[float]]:
    """The loss at each step over the examples that are not affected, the mean over tasks of what is left of each."""
    frame = examples.select(["step", "example_id", "task", "loss"]).to_pandas()
    kept = frame[~frame["example_id"].isin(affected) & np.isfinite(frame["loss"])]
    by_task = kept.groupby(["step", "task"], as_index=False)["loss"].mean()
    curve: pd.Series[float] = by_task.groupby("step")["loss"].mean()
    return {"step": curve.index.tolist(), "loss": curve.tolist()}
