"""Reports tell of no machine's folders: of a path they show the last name, and of a model's folder its content's hash.

A name that two paths share is told apart by a hash, for rows that are named alike would be taken for one.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, Final

from zsg_harness.reports.collect import OpenCell, Results
from zsg_harness.reports.finished import FinishedCell
from zsg_harness.reports.records import Labels, PlannedCell, PlanRecord

_PART: Final = r"""[^\s/,;:\[\](){}"'`|=<>]+"""
_PATH: Final = re.compile(rf"(?<![\w.:/@~-])(?:file://)?(?:~|/{_PART})(?:/{_PART})+/?")
_QUOTED: Final = re.compile(r"""(["'])(?:file://)?(~?/[^"']*/[^"']+)\1""")
_PASSWORD: Final = re.compile(r"(?<=://)[^/\s@]+@")
_FOLDER: Final = ("/", "~", ".")
"""What a model's name begins with if it is a folder."""
_DIGITS: Final = 8


def without_places(results: Results) -> Results:
    """Results in whose labels, matrices and reasons there are no folders of the machine that they come from."""
    cells: list[PlannedCell | OpenCell | FinishedCell] = [*results.open, *results.finished]
    cells += [cell for plan in results.plans.values() for cell in plan.cells]
    models = _models(cells)
    others = _told_apart(
        label
        for cell in cells
        for label in (cell.labels.arrangement, cell.labels.dataset, cell.labels.embedder)
        if label is not None
    )

    def shown(labels: Labels, model: str | None = None) -> Labels:
        names = {axis: others.get(label, label) for axis, label in labels.model_dump(exclude={"model"}).items()}
        return Labels(**names, model=model or models[labels.model])

    return replace(
        results,
        plans={
            stem: _plan(plan, [shown(cell.labels) for cell in plan.cells], {**others, **models})
            for stem, plan in results.plans.items()
        },
        finished=tuple(replace(cell, labels=shown(cell.labels, _model(cell))) for cell in results.finished),
        open=tuple(
            replace(cell, labels=shown(cell.labels), reason=without_folders(cell.reason)) for cell in results.open
        ),
    )


def without_folders(text: str) -> str:
    """A text with the last name of every absolute path in it in place of the path, and no password in a URL."""
    text = _PASSWORD.sub("", text)
    if "/" not in text:
        return text
    text = _QUOTED.sub(lambda match: match[1] + _last(match[2]) + match[1], text)
    return _PATH.sub(lambda match: _last(match[0]), text)


def short_value(text: str) -> str:
    """A value that, if it is a path at all, is one as a whole, with spaces in it perhaps."""
    return _last(text) if text.startswith(("/", "~/")) else without_folders(text)


def _last(path: str) -> str:
    return PurePosixPath(path).name


def _model(cell: FinishedCell) -> str | None:
    """What a model that is known by a folder is called."""
    label, content = cell.labels.model, cell.record.model_hash
    is_folder = label.startswith(_FOLDER) and cell.record.model is not None and cell.record.model.use == label
    return f"{_last(label)} ({content[:_DIGITS]})" if is_folder and content else None


def _models(cells: Iterable[PlannedCell | OpenCell | FinishedCell]) -> dict[str, str]:
    """What each model is called, by its label; a cell that has not finished does not tell of the model's content."""
    found: dict[str, str] = {}
    for cell in cells:
        known = _model(cell) if isinstance(cell, FinishedCell) else None
        if known is not None:
            found[cell.labels.model] = known
        else:
            found.setdefault(cell.labels.model, short_value(cell.labels.model))
    return found


def _told_apart(labels: Iterable[str]) -> dict[str, str]:
    """What each label is called that names a path."""
    short = {label: without_folders(label) for label in dict.fromkeys(labels)}
    owners = Counter(short.values())
    return {
        label: name if owners[name] == 1 else f"{name} ({hashlib.sha256(label.encode()).hexdigest()[:_DIGITS]})"
        for label, name in short.items()
        if name != label
    }


def _plan(plan: PlanRecord, labels: Iterable[Labels], names: Mapping[str, str]) -> PlanRecord:
    cells = tuple(
        cell.model_copy(update={"labels": own, "reason": None if cell.reason is None else without_folders(cell.reason)})
        for cell, own in zip(plan.cells, labels, strict=True)
    )
    return plan.model_copy(update={"matrix": _document(plan.matrix, names), "cells": cells})


def _document(value: Any, names: Mapping[str, str]) -> Any:
    """A matrix's values, as far down as they go."""
    if isinstance(value, Mapping):
        return {key: _document(inner, names) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_document(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    return names.get(value) or short_value(value)
