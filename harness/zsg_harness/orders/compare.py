"""How two orders differ: in their examples, in their sequence, and in what is trained on when."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zsg_harness.orders.reading import ReadOrder
from zsg_registry import OrderFile, order_hash, set_hash

PREFIXES: Final = (1, 2, 5, 10, 20, 50, 100)
"""Per cent of an order's length."""

BINS: Final = 10
_UNTOLD: Final = ""
"""The task of an example whose task is not known."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """What the beginnings of two orders share.

    Attributes:
        percent: The share of each order's length that its beginning has.
        shared: Distinct examples in both beginnings.
        jaccard: `shared` over the distinct examples in either.
    """

    percent: int
    shared: int
    jaccard: float


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a stage's entries lie in an order, as shares of its length from 0 to 1.

    Attributes:
        name: The stage's name, or its number.
        count: How many entries it has.
        first, median, last: Of their positions.
    """

    name: str
    count: int
    first: float
    median: float
    last: float


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two orders.

    Attributes:
        name: What it is called.
        examples: Entries.
        steps: Optimizer steps, None where the file does not say.
        set_hash, order_hash: Of the ids, and of ids and step ends.
        stages: In order of first appearance; empty where there are none.
        task_mix: For each task its share of each tenth of the order; empty where no task is known.
        origin: Where the order came from, as far as its file says.
    """

    name: str
    examples: int
    steps: int | None
    set_hash: str
    order_hash: str
    stages: tuple[Stage, ...]
    task_mix: Mapping[str, tuple[float, ...]]
    origin: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two orders differ.

    Attributes:
        a, b: The orders.
        common: Distinct examples in both.
        same_set: Whether they train on the same examples, as often.
        same_order: Whether in the same sequence and, where both files tell it, in the same steps.
        kendall_tau: Of the common examples' first positions: 1 for the same sequence, −1 for its reverse; None with
            fewer than two.
        prefixes: What the beginnings share, at `PREFIXES`.
        curve: The same at each per cent from 1 to 100.
        ranks: The common examples' first positions in `a` and in `b`, as shares of the length, float64 `[common, 2]`.
    """

    a: Side
    b: Side
    common: int
    same_set: bool
    same_order: bool
    kendall_tau: float | None
    prefixes: tuple[Prefix, ...]
    curve: tuple[Prefix, ...]
    ranks: NDArray[np.float64]

    def document(self) -> dict[str, Any]:
        """Everything but the ranks, as plain JSON values."""
        return {
            "a": asdict(self.a),
            "b": asdict(self.b),
            "common": self.common,
            "same_set": self.same_set,
            "same_order": self.same_order,
            "kendall_tau": self.kendall_tau,
            "prefixes": [asdict(prefix) for prefix in self.prefixes],
        }


def compare(a: ReadOrder, b: ReadOrder, tasks: Mapping[str, str]) -> Comparison:
    """Compare two orders.

    Args:
        a: One.
        b: The other.
        tasks: Tasks by example, for files that tell none.
    """
    first_a, first_b = _first_positions(a.file), _first_positions(b.file)
    common = [example for example in first_a if example in first_b]
    positions = np.array([[first_a[example], first_b[example]] for example in common], dtype=np.int64).reshape(-1, 2)
    lengths = len(a.file.ids), len(b.file.ids)
    firsts = [np.fromiter(first.values(), dtype=np.int64) for first in (first_a, first_b)]
    curve = _curve(positions, firsts, lengths)
    tasks = {**tasks, **a.tasks, **b.tasks}
    sides = _side(a, tasks), _side(b, tasks)
    return Comparison(
        *sides,
        common=len(common),
        same_set=sides[0].set_hash == sides[1].set_hash,
        same_order=_same_order(a.file, b.file),
        kendall_tau=_kendall_tau(positions),
        prefixes=tuple(curve[percent - 1] for percent in PREFIXES),
        curve=curve,
        ranks=positions / np.array(lengths),
    )


def _first_positions(file: OrderFile) -> dict[str, int]:
    found: dict[str, int] = {}
    for position, example in enumerate(file.ids):
        found.setdefault(example, position)
    return found


def _same_order(a: OrderFile, b: OrderFile) -> bool:
    if a.order.steps is None or b.order.steps is None:
        return a.ids == b.ids
    return a.ids == b.ids and np.array_equal(a.order.steps, b.order.steps)


def _kendall_tau(positions: NDArray[np.int64]) -> float | None:
    from scipy.stats import kendalltau

    if len(positions) < 2:
        return None
    return round(float(kendalltau(positions[:, 0], positions[:, 1]).statistic), 12)


def _curve(
    positions: NDArray[np.int64], firsts: Sequence[NDArray[np.int64]], lengths: Sequence[int]
) -> tuple[Prefix, ...]:
    """What the beginnings share at each per cent.

    Args:
        positions: First positions of the common examples, `[common, 2]`.
        firsts: First positions of each order's examples, ascending.
        lengths: Of the orders.
    """
    curve = []
    for percent in range(1, 101):
        ends = np.array([math.ceil(percent * length / 100) for length in lengths])
        shared = int((positions < ends).all(axis=1).sum())
        distinct = sum(int(np.searchsorted(first, end)) for first, end in zip(firsts, ends, strict=True))
        curve.append(Prefix(percent, shared, shared / (distinct - shared)))
    return tuple(curve)


def _side(read: ReadOrder, tasks: Mapping[str, str]) -> Side:
    ids, order = read.file.ids, read.file.order
    ends = [] if order.steps is None else order.steps.tolist()
    return Side(
        name=read.name,
        examples=len(ids),
        steps=None if order.steps is None else len(ends),
        set_hash=set_hash(ids),
        order_hash=order_hash(ids, ends),
        stages=_stages(read.file),
        task_mix=_task_mix(ids, tasks),
        origin=read.file.document,
    )


def _stages(file: OrderFile) -> tuple[Stage, ...]:
    stages, names = file.order.stages, file.order.stage_names
    if stages is None:
        return ()
    n = len(stages)
    by_stage = np.argsort(stages, kind="stable")
    groups = np.split(by_stage, np.flatnonzero(np.diff(stages[by_stage])) + 1)
    groups.sort(key=lambda group: int(group[0]))
    return tuple(
        Stage(
            name=str(stages[group[0]]) if names is None else names[stages[group[0]]],
            count=len(group),
            first=float(group[0] / n),
            median=float(np.median(group) / n),
            last=float(group[-1] / n),
        )
        for group in groups
    )


def _task_mix(ids: Sequence[str], tasks: Mapping[str, str]) -> dict[str, tuple[float, ...]]:
    """First the tasks that fill most of some tenth; the examples whose task is not known come last."""
    named = [tasks.get(example, _UNTOLD) for example in ids]
    if set(named) <= {_UNTOLD}:
        return {}
    edges = [round(part * len(ids) / BINS) for part in range(BINS + 1)]
    counts = [Counter(named[start:end]) for start, end in itertools.pairwise(edges)]
    mix = {task: tuple(count[task] / max(count.total(), 1) for count in counts) for task in sorted(set(named))}
    return dict(sorted(mix.items(), key=lambda item: (item[0] == _UNTOLD, -max(item[1]))))
