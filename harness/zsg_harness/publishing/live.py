"""The reports of a store that is still being filled: made anew when it has changed."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from typing import Final

from zsg_harness.identity import identity
from zsg_harness.reports.board import ColumnSource, assemble
from zsg_harness.reports.collect import collect
from zsg_harness.reports.write import render
from zsg_harness.store.store import Store
from zsg_registry import ZsgError

_TELLING: Final = ("done.json", "status.json", "metrics*.json")
"""Files of cells without which no report changes."""


@dataclass(frozen=True, slots=True)
class Edition:
    """The reports as they were made once.

    Attributes:
        files: By name.
        state: How far the matrix had come.
        version: Another one for other reports.
    """

    files: Mapping[str, bytes]
    state: str
    version: str


class LiveReports:
    """Looks at a store, and makes its reports anew when something that they tell of has changed.

    Attributes:
        edition: The newest reports.
        fault: Why they could not be made the last time; None if they could.
    """

    def __init__(self, store: Store, matrix: str | None, added: ColumnSource | None = None) -> None:
        """Make the first reports.

        Raises:
            ZsgError: There is no such store or matrix, or a file is damaged.
        """
        self._store, self._matrix, self._added = store, matrix, added
        self._seen = self._look()
        self._ended = threading.Event()
        self.edition = self._made()
        self.fault: str | None = None

    def refresh(self) -> bool:
        """Make the reports anew if the store has changed; returns whether they were made."""
        try:
            seen = self._look()
            if seen == self._seen:
                return False
            self.edition, self.fault = self._made(), None
        except Exception as error:  # a file that is being copied, say: what was made before is still shown
            told = isinstance(error, ZsgError | OSError)
            self.fault = str(error) if told else f"{type(error).__name__}: {error}"
            return False
        self._seen = seen
        return True

    def watch(self, every: float) -> None:
        """Refresh every so many seconds, until `end` is called."""
        while not self._ended.wait(every):
            self.refresh()

    def end(self) -> None:
        """Stop watching."""
        self._ended.set()

    def _made(self) -> Edition:
        board = assemble(collect(self._store, self._matrix), self._added)
        files = render(board)
        return Edition(files, board.state, hashlib.sha256(files["index.html"]).hexdigest()[:16])

    def _look(self) -> str:
        """A text that is another one when the store has changed. No file is read."""
        files = self._store.files
        cells = files.states("cells")
        telling = {key: state for key, state in cells.items() if _tells(key.rpartition("/")[2])}
        return identity([sorted(telling.items()), sorted(files.states("matrices").items())])


def _tells(name: str) -> bool:
    return any(fnmatch(name, pattern) for pattern in _TELLING)
