"""Which models and data a leaderboard is about, to the commit or the byte, and where that is not known."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from zsg_harness.reports.finished import FinishedCell
from zsg_harness.reports.places import short_value

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_DIGITS: Final = 12


@dataclass(frozen=True, slots=True)
class Revision:
    """A model or a data set.

    Attributes:
        label: What the leaderboard calls it.
        name: What the matrix calls it, or its id on a hub.
        commit: The hub's commit; None where it did not come from a hub.
        content: What stands for its content: a hash of files, or what a data set says of itself.
        fault: Why it cannot be told what it is, and what to do; or None.
    """

    kind: Literal["model", "dataset"]
    label: str
    name: str
    commit: str | None
    content: str | None
    fault: str | None = None

    @property
    def shown(self) -> str:
        """It in a line: `commit 0123456789ab`, or `content 0123456789ab`."""
        if self.fault is not None:
            return self.fault
        if self.commit is not None:
            return f"commit {self.commit[:_DIGITS]}"
        return f"content {(self.content or '')[:_DIGITS]}"


def revisions(cells: Iterable[FinishedCell]) -> list[Revision]:
    """The models and data sets of some cells, each once."""
    found: dict[Revision, None] = {}
    for cell in cells:
        found[_model(cell)] = found[_dataset(cell)] = None
    return sorted(found, key=lambda each: (each.kind, each.label, each.shown))


def _model(cell: FinishedCell) -> Revision:
    label, content = cell.labels.model, cell.record.model_hash
    name = short_value(cell.record.model.use) if cell.record.model else label
    if not content:
        return Revision(
            "model", label, name, None, None, "the hub told no commit of it; name one as its revision in the matrix"
        )
    if _COMMIT.fullmatch(content):
        return Revision("model", label, name, content, None)
    return Revision("model", label, name, None, content)


def _dataset(cell: FinishedCell) -> Revision:
    label, told = cell.labels.dataset, cell.status.dataset
    if told is None:
        return Revision(
            "dataset",
            label,
            label,
            None,
            None,
            "its cells do not tell which data they had; run them anew, into a new store",
        )
    name, at, commit = (told.published_as or "").rpartition("@")
    if not at:
        return Revision("dataset", label, label, None, told.fingerprint)
    if _COMMIT.fullmatch(commit):
        return Revision("dataset", label, name, commit, told.fingerprint)
    fault = f"{commit!r} is a branch or tag of {name}; name a commit as its revision in the matrix"
    return Revision("dataset", label, name, None, None, fault)
