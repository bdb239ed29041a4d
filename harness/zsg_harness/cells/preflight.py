"""What is looked at before anything is written: data, tokenizers, templates, and what must be installed."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from zsg_harness.cells.data import load_roles
from zsg_harness.cells.trackers import check_trackers
from zsg_harness.matrix.schema import RunTable
from zsg_harness.models.loading import load_tokenizer
from zsg_harness.plan.cell import Cell
from zsg_harness.services.surroundings import DownloadFolder
from zsg_registry import ExampleSet, Registry, ZsgError

_TRIED: Final = 256
"""Examples of a role that a template is tried on."""


def preflight(cells: Iterable[Cell], registry: Registry, downloads: DownloadFolder, run: RunTable) -> None:
    """Find bad input before any cell begins. Loads every data set and tokenizer that is needed, and no weights.

    Raises:
        ZsgError: The data is missing or damaged, answers could not end, a template leaves nothing to predict, or
            something is not installed.
    """
    check_trackers(run.track)
    checked: set[tuple[str, str]] = set()
    for cell in cells:
        data = f"{cell.dataset} {cell.base_dir} {cell.spec['shared']['dataset'][-1]['fingerprint']}"
        text = f"{cell.model_hash} {cell.text_form.content()}"
        if (data, text) in checked:
            continue
        checked.add((data, text))
        roles = load_roles(cell, registry, downloads)
        _check_text(cell, roles.pool, "training")
        _check_text(cell, roles.eval, "scored")
        _check_installed(cell)


def _check_text(cell: Cell, examples: ExampleSet, what: str) -> None:
    tokenizer = load_tokenizer(cell.model, Path(cell.base_dir))
    some = examples.take(np.arange(min(_TRIED, len(examples))))
    if not cell.text_form.encode(some, tokenizer).label_counts.any():
        settings = f"template = {cell.training.template!r}, max_length = {cell.training.max_length}"
        raise ZsgError(f"no {what} example of {cell.labels.dataset} has a label left to predict ({settings})")


def _check_installed(cell: Cell) -> None:
    if cell.training.lora is not None and find_spec("peft") is None:
        raise ZsgError("training.lora needs peft: pip install 'zsg-harness[peft]'")
    if cell.training.optimizer != "adamw" and find_spec("bitsandbytes") is None:
        raise ZsgError(f"optimizer {cell.training.optimizer!r} needs bitsandbytes: pip install 'zsg-harness[bits]'")
