"""The step-0 gate: before training, all arms that share model and eval set must score the same."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from zsg_harness.plan.cell import Cell
from zsg_harness.plan.identity import identity
from zsg_harness.services.embeddings import hash_texts
from zsg_harness.store.store import Store
from zsg_registry import ZsgError

TOLERANCE: Final = 1e-3
"""Largest difference of an example's loss that devices and thread counts may cause."""


def check_first_losses(store: Store, cell: Cell, ids: list[str], losses: NDArray[np.float64]) -> None:
    """Compare the losses before training with those of the first cell that had the same model and eval set.

    Raises:
        ZsgError: They differ: the model, its tokenizer or the data is not what the cell's identity says.
    """
    shared = cell.spec["shared"]
    parts = {key: shared[key] for key in ("core", "dataset", "eval", "model")}
    parts |= {"ids": hash_texts(ids), "form": cell.text_form.content()}
    first = store.cache.array(f"first-losses/{identity(parts)}", lambda: losses)
    if first.shape != losses.shape or not np.allclose(first, losses, rtol=0, atol=TOLERANCE, equal_nan=True):
        worst = float(np.nanmax(np.abs(first - losses))) if first.shape == losses.shape else float("nan")
        raise ZsgError(f"the losses before training differ from those of other cells (by up to {worst:.3g})")
