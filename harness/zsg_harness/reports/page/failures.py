"""A page for each reason why cells have no result."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zsg_harness.reports.collect import OpenCell

_FOLDERS: Final = re.compile(r'File "[^"]*?((?:[^"/\\]+[/\\]){0,2}[^"/\\]+)"')


@dataclass(frozen=True, slots=True)
class FailurePage:
    """Cells that ended in the same way.

    Attributes:
        log: The end of the log of the first of them, without the folders of the machine it ran on.
    """

    id: str
    state: str
    reason: str
    cells: list[OpenCell]
    log: str


def failure_pages(cells: Iterable[OpenCell]) -> list[FailurePage]:
    """The pages of cells without a result, by their state and reason, which is often the same for many."""
    reasons: dict[tuple[str, str], list[OpenCell]] = {}
    for cell in cells:
        reasons.setdefault((cell.state, cell.reason), []).append(cell)
    return [
        FailurePage(f"reason-{number}", state, reason, alike, _FOLDERS.sub(r'File "…/\1"', alike[0].log))
        for number, ((state, reason), alike) in enumerate(reasons.items(), start=1)
    ]
