"""Cutting a data set into the roles of an experiment: pool, probe, eval and query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from zsg_harness.matrix.schema import DataTable
from zsg_registry import ExampleSet, ZsgError, generator


@dataclass(frozen=True, slots=True)
class Roles:
    """The examples of a cell by what they are for.

    Attributes:
        pool: Examples of seen tasks to train on.
        probe: Held-out examples of seen tasks.
        eval: Examples of unseen tasks, the ones that are scored.
        query: Examples of unseen tasks that an arrangement may see; equal to eval under `oracle`, else disjoint.
        offered: The pool before what eval has too was dropped, where that was asked for.
    """

    pool: ExampleSet
    probe: ExampleSet
    eval: ExampleSet
    query: ExampleSet
    offered: ExampleSet | None = None

    @property
    def held_out(self) -> Literal["unseen tasks", "held-out examples"]:
        """What the scored examples are: a set without tasks has none that are unseen."""
        return "unseen tasks" if self.eval.arrow.column("task").null_count == 0 else "held-out examples"

    @property
    def sizes(self) -> dict[str, int]:
        """Examples in each role."""
        return {name: len(getattr(self, name)) for name in ("pool", "probe", "eval", "query")}


def cut_roles(examples: ExampleSet, settings: DataTable, data_seed: int) -> Roles:
    """Cut the roles, task by task.

    A task's draw depends on the seed and the task's name alone, so that adding a task changes no other. The eval
    examples are drawn with `eval_seed` and never vary with the data seed; the query comes from what eval left.

    Args:
        examples: Everything the data set has.
        settings: The caps.
        data_seed: Draws pool, probe and query.

    Raises:
        ZsgError: A role that is needed is empty.
    """
    side = examples["side"]
    seen, unseen = np.flatnonzero(side == "seen"), np.flatnonzero(side == "unseen")
    if not len(seen) or not len(unseen):
        missing = "seen" if not len(seen) else "unseen"
        raise ZsgError(f"the data set has no examples on the {missing} side")
    tasks = examples["task"]
    probe, pool = _cut(tasks, seen, settings.probe_per_task, settings.per_seen_task, data_seed)
    evaluated: list[NDArray[np.int64]] = []
    queried: list[NDArray[np.int64]] = []
    for task, positions in _by_task(tasks, unseen):
        drawn = generator("fixed", settings.eval_seed, "eval", task).permutation(positions)
        most = len(drawn) if settings.oracle else (len(drawn) + 1) // 2
        size = min(settings.per_unseen_task, most)
        evaluated.append(drawn[:size])
        if not settings.oracle:
            left = generator("data", data_seed, "query", task).permutation(np.sort(drawn[size:]))
            queried.append(left[: settings.query_per_task])
    eval_set = examples.take(np.sort(np.concatenate(evaluated)))
    query = eval_set if settings.oracle else examples.take(np.sort(np.concatenate(queried)))
    return Roles(examples.take(pool), examples.take(probe), eval_set, query)


def _cut(
    tasks: NDArray[np.object_], positions: NDArray[np.int64], first: int, second: int | None, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Draw `first` examples of each task, then up to `second` (None: all) of the rest; both in the data's order."""
    chosen: tuple[list[NDArray[np.int64]], list[NDArray[np.int64]]] = ([], [])
    for task, own in _by_task(tasks, positions):
        drawn = generator("data", seed, "pool", task).permutation(own)
        chosen[0].append(drawn[:first])
        chosen[1].append(drawn[first:] if second is None else drawn[first : first + second])
    return np.sort(np.concatenate(chosen[0])), np.sort(np.concatenate(chosen[1]))


def _by_task(tasks: NDArray[np.object_], positions: NDArray[np.int64]) -> Sequence[tuple[str, NDArray[np.int64]]]:
    """The positions of each task, in order of first appearance; examples without a task are one group, ""."""
    groups: dict[str, list[int]] = {}
    for position in positions:
        groups.setdefault(tasks[position] or "", []).append(int(position))
    return [(task, np.array(own, dtype=np.int64)) for task, own in groups.items()]
