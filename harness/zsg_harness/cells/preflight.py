"""What is looked at before anything is written: data, tokenizers, templates, and what must be installed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from zsg_harness.cells.data import Content, content_of, load_roles
from zsg_harness.cells.roles import Roles
from zsg_harness.cells.trackers import check_trackers
from zsg_harness.matrix.expand import Expander
from zsg_harness.matrix.schema import RunTable
from zsg_harness.models.loading import load_tokenizer
from zsg_harness.plan.cell import Cell
from zsg_harness.services.surroundings import DownloadFolder
from zsg_harness.store.cache import Cache
from zsg_harness.tokens.text_form import TextForm
from zsg_registry import ExampleSet, Metric, Registry, ZsgError, parse_pipeline

_TRIED: Final = 256
"""Examples of a role that a template is tried on."""


def preflight(
    cells: Iterable[Cell], registry: Registry, downloads: DownloadFolder, cache: Cache, run: RunTable
) -> None:
    """Find bad input before any cell begins. Loads every data set and tokenizer that is needed, and no weights.

    Raises:
        ZsgError: The data is missing or damaged, an unseen task has no answers, answers could not end, a template
            leaves nothing to predict, a metric names something that is not there, or something is not installed.
    """
    check_trackers(run.track)
    _check_executor(run)
    checked: set[tuple[Content, str, TextForm]] = set()
    metrics: set[tuple[str, str]] = set()
    for cell in cells:
        for reference in cell.metrics:
            if (reference, cell.base_dir) not in metrics:
                metrics.add((reference, cell.base_dir))
                _check_metric(cell, reference, registry)
        _check_installed(cell)
        texts = (content_of(cell), cell.model_hash, cell.text_form)
        if texts not in checked:
            checked.add(texts)
            roles = load_roles(cell, registry, downloads, cache)
            _check_answers(cell, roles.eval)
            _check_texts(cell, roles)


def _check_executor(run: RunTable) -> None:
    if run.executor == "ray":
        if find_spec("ray") is None:
            raise ZsgError("the executor 'ray' needs ray: pip install 'zsg-harness[ray]'")
        # Ray would print on standard output, where results go, what its log says; it reads this when it is imported.
        os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
        from zsg_harness.executors.ray import check_ray

        check_ray(run)
    elif run.ray_address is not None:
        raise ZsgError(f"ray_address = {run.ray_address!r} goes with executor = 'ray'")


def _check_answers(cell: Cell, scored: ExampleSet) -> None:
    """A task without any answer to compare with would be averaged in as if it had been scored."""
    codes, tasks = scored.codes("task")
    answers = zip(scored["references"], scored.texts("completion"), strict=True)
    has_answer = [any(text.strip() for text in references or (completion,)) for references, completion in answers]
    answered = np.bincount(codes, has_answer, minlength=len(tasks))
    empty = [task for task, count in zip(tasks, answered, strict=True) if not count]
    if empty:
        which = f"the unseen task {empty[0]!r}" if empty[0] else "the held-out side"
        more = f" (and {len(empty) - 1} more)" if len(empty) > 1 else ""
        raise ZsgError(
            f"{cell.labels.dataset}: {which}{more} has no scored example with an answer: every reference is empty; "
            f"leave it out, or mend its data"
        )


def _check_texts(cell: Cell, roles: Roles) -> None:
    tokenizer = load_tokenizer(cell.model, Path(cell.base_dir))
    for what, examples in (("training", roles.pool), ("scored", roles.eval)):
        some = examples.take(np.arange(min(_TRIED, len(examples))))
        if not cell.text_form.encode(some, tokenizer).label_counts.any():
            settings = f"template = {cell.training.template!r}, max_length = {cell.training.max_length}"
            raise ZsgError(f"no {what} example of {cell.labels.dataset} has a label left to predict ({settings})")


def _check_metric(cell: Cell, reference: str, registry: Registry) -> None:
    choice = Expander(registry, Path(cell.base_dir)).choice("metric", parse_pipeline(reference))
    metric = choice.components[0]
    assert isinstance(metric, Metric)
    metric.check()


def _check_installed(cell: Cell) -> None:
    if cell.training.lora is not None and find_spec("peft") is None:
        raise ZsgError("training.lora needs peft: pip install 'zsg-harness[peft]'")
    if cell.training.optimizer != "adamw" and find_spec("bitsandbytes") is None:
        raise ZsgError(f"optimizer {cell.training.optimizer!r} needs bitsandbytes: pip install 'zsg-harness[bits]'")
