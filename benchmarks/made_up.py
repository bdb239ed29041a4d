"""Made-up results of cells that were planned for real, written by the store's own API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from zsg_harness.plan.build import Plan
from zsg_harness.plan.cell import Cell
from zsg_harness.runner import freeze
from zsg_harness.store.formats import parquet_bytes
from zsg_harness.store.store import Store
from zsg_harness.store.tables import EXAMPLES, SCORES, TRAIN
from zsg_registry import Order, OrderFile

AT_LAST = ("rouge1", "rougeL", "exact_match")


class Results:
    """Results of cells: one order's files for all, and losses of their own."""

    def __init__(self, tasks: Sequence[str], steps: Sequence[int], seen: Sequence[str] = ()) -> None:
        """Make what all cells share.

        Args:
            tasks: The unseen tasks, ten scored examples of each.
            steps: When they were evaluated.
            seen: Tasks of which held-out examples were scored too.
        """
        examples = steps[-1] * 16
        ids = [f"example-{number}" for number in range(examples)]
        self._order = OrderFile.of(Order(np.arange(examples)), ids, 16, {})
        rows = np.arange(examples)
        receipt = {"step": rows // 16 + 1, "position": rows, "example_id": ids}
        columns = {"step": np.arange(1, steps[-1] + 1), "tokens": np.full(steps[-1], 800)}
        train = {field.name: columns.get(field.name, np.ones(steps[-1])) for field in TRAIN}
        scored = [(step, task, number) for step in steps for task in tasks for number in range(10)]
        answers = [
            {"step": step, "example_id": f"{task}-{number}", "task": task, "loss": 1.0, "tokens": 9, "prediction": "a"}
            for step, task, number in scored
        ]
        tables = {
            "order": self._order.to_arrow(),
            "receipt": pa.table(receipt),
            "train": pa.table(train, TRAIN),
            "examples": pa.Table.from_pylist(answers, EXAMPLES),
        }
        self._shared = {f"{name}.parquet": parquet_bytes(table) for name, table in tables.items()}
        sources = [f"source-{place % 8}" for place in range(len(tasks))]
        self._eval_set = pa.table({"id": list(tasks), "task": list(tasks), "source": sources})
        metrics = [("loss", tasks, steps), ("loss_token", tasks, steps)]
        metrics += [(name, tasks, steps[-1:]) for name in AT_LAST]
        metrics += [("seen_loss", seen, steps)] if seen else []
        self._directions = {
            name: {"direction": "higher" if name in AT_LAST else "lower", "scope": _scope(name)}
            for name, _, _ in metrics
        }
        rows = [(step, step * 800, task, name) for name, own, at in metrics for step in at for task in own]
        steps_, tokens, tasks_, names = zip(*rows, strict=True)
        self._rows = {"step": steps_, "tokens": tokens, "task": tasks_, "metric": names, "count": [10] * len(rows)}
        heights = np.exp(np.random.default_rng(1).normal(0, 0.3, len(tasks) + len(seen)))
        height = dict(zip([*tasks, *seen], heights, strict=True))
        self._means = 8 / np.log(np.array(steps_) + 3) * np.array([height[task] for task in tasks_])

    def finish(self, store: Store, cell: Cell, rng: np.random.Generator) -> None:
        """Write a cell's results: losses that fall, with noise, faster or slower with the arrangement."""
        attempt = store.new_attempt(cell.cell_id, cell.description)
        for name, data in self._shared.items():
            attempt.write(name, data)
        base = cell.labels.arrangement.removesuffix(" | shuffle")
        gain = np.random.default_rng(list(base.encode())).normal(0, 0.1)
        values = self._means * (1 + gain) + rng.normal(0, 0.1, len(self._means))
        columns = {field.name: self._rows.get(field.name, values) for field in SCORES}
        attempt.write_table("scores", pa.table(columns, SCORES))
        attempt.write_json("metrics", self._directions)
        attempt.status(
            "finished",
            set_hash=f"{cell.labels.budget} {base}",
            order_hash=cell.cell_id,
            held_out="unseen tasks",
            evalset=store.write_eval_set(self._eval_set),
            seconds=60.0,
            provenance=PROVENANCE,
        )
        attempt.commit()


PROVENANCE: dict[str, Any] = {
    "device": "cpu",
    "packages": {f"package-{number}": "1.0" for number in range(40)},
    "plugins": {"zsg-harness": "0.1.0"},
}


def fill(store: Store, plan: Plan, results: Results) -> None:
    """Make the results of the cells that have none."""
    rng = np.random.default_rng(0)
    done = store.done_cells()
    for cell in plan.cells:
        if cell.cell_id not in done:
            results.finish(store, cell, rng)
    freeze(plan, store)


def _scope(metric: str) -> str:
    return "seen" if metric == "seen_loss" else "unseen"
