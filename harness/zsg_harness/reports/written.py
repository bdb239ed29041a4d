"""Whether reports are there already: written by this very code from these very results, and not touched since."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Final

import pandas as pd

from zsg_harness.identity import identity
from zsg_harness.reports.collect import Results
from zsg_harness.store.atomic import write_text
from zsg_harness.store.files import Files
from zsg_harness.store.store import Store

_LIBRARIES: Final = ("numpy", "pandas", "pyarrow", "scipy", "plotly", "jinja2")


class Written:
    """What was last written to a place, as the store's cache remembers it."""

    def __init__(self, store: Store, out: Files) -> None:
        self._out = out
        self._note = store.cache.path(f"reports/{identity(out.url)}.json")

    def is_of(self, results: Results) -> bool:
        """Whether the reports that are there are those of some results."""
        try:
            note = json.loads(self._note.read_text(encoding="utf-8"))
            hashes: dict[str, str] = note["files"]
            return note["results"] == _hash(results) and all(
                hashlib.sha256(self._out.read(name)).hexdigest() == text for name, text in hashes.items()
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return False

    def remember(self, results: Results, files: Mapping[str, bytes]) -> None:
        """Remember what was written, where the cache can be written."""
        hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
        with suppress(OSError):
            write_text(self._note, json.dumps({"results": _hash(results), "files": hashes}))


def _hash(results: Results) -> str:
    """The hash of all that reports are made from."""
    digest = hashlib.sha256()
    for part in (
        *_code(),
        results.plans,
        results.finished,
        results.open,
        results.directions,
        sorted(results.geometric),
    ):
        digest.update(repr(part).encode())
    digest.update(pd.util.hash_pandas_object(results.scores, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _code() -> Iterator[object]:
    """What makes reports."""
    yield from (version(library) for library in _LIBRARIES)
    yield from (path.read_bytes() for path in sorted(Path(__file__).parent.rglob("*.*")) if path.suffix != ".pyc")
