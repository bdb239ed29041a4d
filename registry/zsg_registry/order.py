"""The order of training: which examples of the pool, in which sequence, cut into which optimizer steps."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from zsg_registry.errors import ContractError


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """A training order over a pool.

    Attributes:
        indices: int64 `[n]`, positions in the pool, in training order.
        stages: int32 `[n]` or None. A number per entry that names the part of the order it belongs to (a TMA turn,
            a task, a cluster); it does not decrease or increase by rule.
        stage_names: A name for each stage number from 0 on, or None.
        scores: float32 `[n]` or None. What the order was made from, such as a distance.
        steps: int64 `[k]` or None. The end of each optimizer step in `indices` (strictly increasing, the last one
            equals n); None means that every `batch_size` entries make a step.
    """

    indices: NDArray[np.int64]
    stages: NDArray[np.int32] | None = None
    stage_names: tuple[str, ...] | None = None
    scores: NDArray[np.float32] | None = None
    steps: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        _set_array(self, "indices", np.int64)
        for name, dtype in (("stages", np.int32), ("scores", np.float32)):
            if _set_array(self, name, dtype) not in (None, len(self.indices)):
                raise ContractError(f"an order's {name} must have one value for each of its {len(self)} entries")
        if _set_array(self, "steps", np.int64) is not None:
            _check_steps(self.steps, len(self))
        if self.stage_names is not None:
            object.__setattr__(self, "stage_names", tuple(self.stage_names))
            _check_stage_names(self.stages, len(self.stage_names))

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, positions: NDArray[np.int64]) -> Order:
        """The order of the entries at `positions` (int64 `[m]`), with their stages and scores.

        Step ends do not survive: they belong to the old sequence.
        """
        return Order(
            indices=self.indices[positions],
            stages=None if self.stages is None else self.stages[positions],
            stage_names=self.stage_names,
            scores=None if self.scores is None else self.scores[positions],
        )

    def head(self, n: int) -> Order:
        """The first `n` entries (all, if there are fewer). The step that `n` falls into ends there."""
        cut = self.take(np.arange(min(n, len(self))))
        if self.steps is None:
            return cut
        steps = np.minimum(self.steps, len(cut))
        return replace(cut, steps=np.unique(steps[steps > 0]))

    def step_ends(self, batch_size: int) -> NDArray[np.int64]:
        """The end of each optimizer step, int64 `[k]`: `steps` if set, else every `batch_size` entries."""
        if self.steps is not None:
            return self.steps
        ends = np.arange(batch_size, len(self) + batch_size, batch_size, dtype=np.int64)
        return np.minimum(ends, len(self))


def set_hash(ids: Sequence[str]) -> str:
    """A hash of the multiset of example ids: equal for two orders that train on the same examples."""
    return _hash(sorted(ids))


def order_hash(ids: Sequence[str], step_ends: Sequence[int]) -> str:
    """A hash of the ids in training order and of where the optimizer steps end."""
    return _hash([*ids, "", *(str(end) for end in step_ends)])


def _hash(parts: Sequence[str]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "big"))
        digest.update(data)
    return digest.hexdigest()[:16]


def _set_array(order: Order, name: str, dtype: type[np.generic]) -> int | None:
    """Store the field as a read-only array of `dtype` without losing a value; return its length."""
    value = getattr(order, name)
    if value is None:
        return None
    array = np.asarray(value)
    kind_is_right = array.dtype.kind in ("iu" if np.issubdtype(dtype, np.integer) else "iuf") or array.size == 0
    if array.ndim != 1 or not kind_is_right:
        raise ContractError(
            f"an order's {name} must be a one-dimensional {np.dtype(dtype)} array, not {array.dtype}{list(array.shape)}"
        )
    stored = array.astype(dtype)
    if np.issubdtype(dtype, np.integer) and not np.array_equal(stored, array):
        raise ContractError(f"an order's {name} has a value that {np.dtype(dtype)} cannot hold")
    stored.flags.writeable = False
    object.__setattr__(order, name, stored)
    return len(stored)


def _check_stage_names(stages: NDArray[np.int32] | None, names: int) -> None:
    if stages is None or (len(stages) and not 0 <= stages.min() <= stages.max() < names):
        raise ContractError(f"an order's stages must be numbers of its {names} stage_names")


def _check_steps(steps: NDArray[np.int64] | None, entries: int) -> None:
    assert steps is not None
    increasing = bool(np.all(np.diff(steps, prepend=0) > 0))
    if not increasing or (steps[-1] if len(steps) else 0) != entries:
        raise ContractError(f"an order's step ends must increase strictly and end at its length, {entries}")
