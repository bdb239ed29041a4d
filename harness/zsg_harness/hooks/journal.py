"""What hook plugins have yet to hear, kept on disk: a run that is killed leaves it to the next one."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple

from filelock import FileLock, Timeout

from zsg_harness.hooks.events import Story
from zsg_registry import hooks

_KINDS: Final = {kind.__name__: kind for base in (hooks.Event, hooks.CellEvent) for kind in base.__subclasses__()}


class Journal:
    """The events of one run: a line for each that is told, and for each that a plugin has heard.

    It is locked while the run lasts, and removed when every plugin has heard everything. Where it cannot be written,
    events are told all the same: a full disk must not fail a run.
    """

    def __init__(self, folder: Path) -> None:
        """Begin one in a folder."""
        self._path = folder / f"{os.getpid()}-{os.urandom(4).hex()}.jsonl"
        self._lock = _lock(self._path)
        self._writing = threading.Lock()
        self._file: BinaryIO | None = None
        self._number = 0
        self._unheard: dict[int, set[str]] = {}
        with suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
            self._file = self._path.open("ab", buffering=0)

    def told(self, story: Story, plugins: Sequence[str]) -> int:
        """Note that plugins are to hear an event; returns the number it has here."""
        with self._writing:
            self._number += 1
            self._unheard[self._number] = set(plugins)
            told = {"told": self._number, "to": plugins, "hook": story.hook, "kind": type(story.event).__name__}
            self._write({**told, "event": asdict(story.event)})
            return self._number

    def heard(self, number: int, plugin: str) -> None:
        """Note that a plugin has heard an event."""
        with self._writing:
            self._unheard[number].discard(plugin)
            if not self._unheard[number]:
                del self._unheard[number]
            self._write({"heard": number, "by": plugin})

    def close(self) -> bool:
        """End it; returns whether the next run finds something left to tell."""
        with self._writing:
            written = self._file is not None
            if self._file is not None:
                self._file.close()
                self._file = None
            kept = written and bool(self._unheard)
            if not kept:
                _remove(self._path)
            self._lock.release()
            return kept

    def _write(self, line: Mapping[str, Any]) -> None:
        if self._file is not None:
            with suppress(OSError):
                self._file.write(json.dumps(line, default=str).encode() + b"\n")


class Untold(NamedTuple):
    """An event that some plugins have not heard."""

    story: Story
    plugins: Sequence[str]


class Leftovers(NamedTuple):
    """What a run that was cut short had yet to tell.

    Attributes:
        untold: The events that not all have heard.
        begun: The cells whose end it did not live to see.
    """

    untold: Sequence[Untold]
    begun: Sequence[hooks.CellStarted]


def leftovers(folder: Path) -> Iterator[Leftovers]:
    """What is left of runs that are over. Each is forgotten when the next one is asked for."""
    for path in sorted(folder.glob("*.jsonl")):
        lock = _lock(path)
        try:
            lock.acquire(timeout=0)
        except (Timeout, OSError):
            continue  # that run goes on
        with suppress(FileNotFoundError):
            yield _read(path.read_bytes())
        _remove(path)
        lock.release()


def _read(data: bytes) -> Leftovers:
    told: dict[int, Untold] = {}
    for line in data.splitlines():
        try:
            entry = json.loads(line)
            if "told" in entry:
                story = Story(entry["hook"], _KINDS[entry["kind"]](**entry["event"]))
                told[entry["told"]] = Untold(story, entry["to"])
            else:
                one = told[entry["heard"]]
                told[entry["heard"]] = one._replace(plugins=[name for name in one.plugins if name != entry["by"]])
        except (ValueError, KeyError, TypeError):
            continue  # a line that was cut short, or written by another version
    begun: dict[str, hooks.CellStarted] = {}
    for (_, event), _ in told.values():
        if isinstance(event, hooks.CellStarted):
            begun[event.cell_id] = event
        elif isinstance(event, (hooks.CellFinished, hooks.CellFailed, hooks.CellSkipped)):
            begun.pop(event.cell_id, None)
    return Leftovers([each for each in told.values() if each.plugins], list(begun.values()))


def _lock(path: Path) -> FileLock:
    return FileLock(path.with_suffix(".lock"), thread_local=False)


def _remove(path: Path) -> None:
    for file in (path, path.with_suffix(".lock")):
        with suppress(OSError):
            file.unlink()
