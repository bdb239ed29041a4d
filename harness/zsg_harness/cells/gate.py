"""The losses before training: measured once for all cells that share model and eval set, and checked by each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from zsg_harness.identity import identity
from zsg_harness.plan.cell import Cell
from zsg_harness.services.embeddings import hash_texts
from zsg_harness.store.cache import Cache
from zsg_harness.training.world import World
from zsg_registry import ZsgError

TOLERANCE: Final = 1e-3
"""Largest difference of an example's loss that devices and thread counts may cause."""

_CHECKED: Final = 16
"""Examples that every cell measures itself."""

Measure = Callable[[int], NDArray[np.float64]]
"""The losses of the first so many scored examples."""


def first_losses(cache: Cache, cell: Cell, ids: list[str], world: World, measure: Measure) -> NDArray[np.float64]:
    """The losses of all scored examples before training.

    The first cell that has this model and eval set measures them. The others take its losses, and measure a few
    themselves: they must be the same, or the model, its tokenizer or the data is not what the cell's identity says.

    Args:
        cache: Where they are kept.
        cell: Which cell.
        ids: Of the scored examples.
        world: The processes of the cell, each of which calls this.
        measure: Measures them; every process must call it with the same examples.

    Raises:
        ZsgError: They are not the same.
    """
    name = f"first-losses/{_key(cell, ids)}"
    if not world.agree(cache.holds(f"{name}.npy")):
        measured = measure(len(ids))
        return cache.array(name, lambda: measured) if world.is_first else measured
    known: NDArray[np.float64] = world.agree(np.array(cache.array(name, _not_there)) if world.is_first else None)
    own = measure(min(_CHECKED, len(ids)))
    same = known[: len(own)]
    if known.shape != (len(ids),) or not np.allclose(same, own, rtol=0, atol=TOLERANCE, equal_nan=True):
        worst = float(np.nanmax(np.abs(same - own))) if same.shape == own.shape else float("nan")
        raise ZsgError(f"the losses before training differ from those of other cells (by up to {worst:.3g})")
    return known


def _key(cell: Cell, ids: list[str]) -> str:
    shared = cell.spec["shared"]
    parts = {key: shared[key] for key in ("core", "dataset", "eval", "model")}
    return identity(parts | {"ids": hash_texts(ids), "form": cell.text_form.content()})


def _not_there() -> NDArray[np.float64]:
    raise ZsgError("the losses before training were deleted while a cell read them")
