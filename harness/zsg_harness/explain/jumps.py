"""Why did it jump? What was consumed just before a task's loss fell suddenly."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from zsg_harness.explain.consumed import Consumed
from zsg_harness.reports.dynamics import DatedDrop

_NEAREST: Final = 5
_TASKS: Final = 3
_BLOCK: Final = 4096
_TEXT: Final = 120
"""Characters of an example's text that are shown."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A training example that was consumed just before a drop.

    Attributes:
        step: When.
        similarity: Its greatest cosine to a scored example of the task.
        of: That example's id.
        text: The beginning of its text, on one line.
    """

    id: str
    task: str
    source: str
    step: int
    similarity: float
    of: str
    text: str


@dataclass(frozen=True, slots=True)
class Jump:
    """A sudden drop, and what came just before it.

    Attributes:
        consumed: How many examples were consumed between the evaluations around the drop.
        nearest_before: The greatest cosine of an example consumed earlier to one of the task; None if there is none.
        nearest: The most similar of the examples consumed between.
        tasks: The tasks that most of these belong to, with their share of them.
    """

    drop: DatedDrop
    consumed: int
    nearest_before: float | None
    nearest: tuple[Neighbour, ...]
    tasks: dict[str, float]

    @property
    def came_nearer(self) -> bool:
        """Whether what came between is nearer to the task than all before."""
        return bool(self.nearest) and (self.nearest_before is None or self.nearest[0].similarity > self.nearest_before)

    def document(self) -> dict[str, Any]:
        """As plain JSON."""
        return {**asdict(self), "drop": self.drop._asdict(), "came_nearer": self.came_nearer}


def explain_jump(
    consumed: Consumed, drop: DatedDrop, vectors: NDArray[np.float32], scored: NDArray[np.float32]
) -> Jump:
    """What was consumed just before a drop.

    Args:
        consumed: The cell.
        drop: Its drop.
        vectors: The pool's vectors.
        scored: Those of the scored examples.
    """
    own = np.flatnonzero(np.array([task or "" for task in consumed.scored["task"]]) == drop.task)
    window = consumed.between(drop.from_step, drop.to_step)
    before = consumed.between(0, drop.from_step)
    similarity, of = _best(vectors, consumed.rows[window], scored[own])
    earlier, _ = _best(vectors, consumed.rows[before], scored[own])
    nearest = np.argsort(-similarity, kind="stable")[:_NEAREST]
    pool = consumed.roles.pool
    tasks = Counter(task or "" for task in pool["task"][consumed.rows[window]])
    chosen = pool.take(consumed.rows[window][nearest])
    neighbours = zip(chosen.ids, chosen["task"], chosen["source"], chosen.texts(), nearest.tolist(), strict=True)
    return Jump(
        drop=drop,
        consumed=len(similarity),
        nearest_before=float(earlier.max()) if len(earlier) else None,
        nearest=tuple(
            Neighbour(
                example,
                task or "",
                source or "",
                int(consumed.steps[window][place]),
                float(similarity[place]),
                consumed.scored.ids[int(own[of[place]])],
                _line(text),
            )
            for example, task, source, text, place in neighbours
        ),
        tasks={task: count / len(similarity) for task, count in tasks.most_common(_TASKS)},
    )


def _best(
    vectors: NDArray[np.float32], rows: NDArray[np.int64], scored: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Of each row its greatest cosine to a scored example, and which that is."""
    columns = _directions(scored)
    best = [(np.empty(0), np.empty(0, dtype=np.int64))]
    for start in range(0, len(rows), _BLOCK):
        cosines = _directions(vectors[rows[start : start + _BLOCK]]) @ columns.T
        best.append((cosines.max(axis=1), cosines.argmax(axis=1)))
    values, places = zip(*best, strict=True)
    return np.concatenate(values), np.concatenate(places)


def _directions(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    wide = vectors.astype(np.float64)
    directions: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return directions


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _TEXT else f"{line[: _TEXT - 1]}…"
