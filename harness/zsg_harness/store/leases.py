"""Who works on what: leases with heartbeats, so that several runs share one store and each cell is done once.

A store needs only to create a file unless it is there. Lease files are numbered: who creates the next number has the
lease. A holder writes a heartbeat beside its file; when that has not changed for long (by the clock of who looks, so
that clocks need not agree), or its process is gone from this machine, the next number may be created. A holder that
was only slow loses nothing but time: the first commit of a cell is the one that counts.
"""

from __future__ import annotations

import json
import os
import platform
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import psutil

from zsg_harness.store.files import Files

STALE_AFTER: Final = 60.0
"""Seconds without a heartbeat after which a lease may be taken over."""

_BEATS: Final = 4
"""Heartbeats in that time."""


@dataclass(slots=True)
class _Held:
    key: str
    beats: int = 0


@dataclass(slots=True)
class Leases:
    """The leases of this process, renewed by a thread while the block lasts.

    Attributes:
        files: Where they are.
        stale_after: Seconds without a heartbeat after which one may be taken over.
    """

    files: Files
    stale_after: float = STALE_AFTER
    _held: dict[str, _Held] = field(default_factory=dict)
    _seen: dict[str, tuple[bytes, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _end: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def __enter__(self) -> Leases:
        self._thread = threading.Thread(target=self._renew, name="leases", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.set()
        assert self._thread is not None
        self._thread.join()
        for name in list(self._held):
            self.release(name)

    def take(self, name: str) -> bool:
        """Take a lease, unless another process has it.

        Raises:
            OSError: The store cannot be written.
        """
        folder = f"leases/{name}"
        numbers = sorted(int(entry) for entry in self.files.names(folder) if entry.isdecimal())
        if numbers and self._lives(f"{folder}/{numbers[-1]}") is not False:
            return False
        key = f"{folder}/{numbers[-1] + 1 if numbers else 1}"
        if not self.files.create(key, json.dumps(_owner()).encode()):
            return False
        with self._lock:
            self._held[name] = _Held(key)
        for number in numbers:  # who had them is gone
            self._remove(f"{folder}/{number}")
        return True

    def release(self, name: str) -> None:
        """Give a lease back."""
        with self._lock:
            held = self._held.pop(name, None)
        if held is not None:
            self._remove(held.key, beaten=held.beats > 0)

    def held(self) -> set[str]:
        """The leases that somebody has. Holders on other machines are watched until a heartbeat comes, or is missed."""
        found: set[str] = set()
        while True:
            lives = {name: self._lives(key) for name, key in self._newest().items() if name not in found}
            found |= {name for name, there in lives.items() if there}
            if None not in lives.values():
                return found
            time.sleep(min(1.0, self.stale_after / _BEATS))

    def names(self) -> list[str]:
        """All leases, those of holders that are gone included."""
        return list(self._newest())

    def _newest(self) -> dict[str, str]:
        """The file that counts of each lease."""
        numbers: dict[str, int] = {}
        for key in self.files.find("leases"):
            name, _, number = key.removeprefix("leases/").rpartition("/")
            if number.isdecimal():
                numbers[name] = max(numbers.get(name, 0), int(number))
        return {name: f"leases/{name}/{number}" for name, number in numbers.items()}

    def _remove(self, key: str, beaten: bool = True) -> None:
        with suppress(OSError):  # it is stale as soon as this process ends
            if beaten:
                self.files.unlink(f"{key}.beat")
            self.files.unlink(key)

    def _lives(self, key: str) -> bool | None:
        """Whether the holder of a lease is there; None as long as that cannot be told."""
        try:
            owner = json.loads(self.files.read(key))
        except FileNotFoundError:
            return None  # given back just now: whoever asks again gets it
        except ValueError:
            owner = {}
        if owner.get("machine") == _machine():
            return _is_running(owner)
        try:
            beat = self.files.read(f"{key}.beat")
        except FileNotFoundError:
            beat = b""
        seen, since = self._seen.get(key, (None, 0.0))
        if seen != beat:
            self._seen[key] = beat, time.monotonic()
            return None if seen is None else True
        return False if time.monotonic() - since > self.stale_after else None

    def _renew(self) -> None:
        while not self._end.wait(self.stale_after / _BEATS):
            with self._lock:
                held = list(self._held.values())
            for lease in held:
                lease.beats += 1
                try:
                    self.files.write(f"{lease.key}.beat", str(lease.beats).encode())
                except OSError:
                    continue  # the next beat may get through; if none does, another run takes over


def holder(files: Files, name: str) -> str | None:
    """Who has a lease, in words, by a look that changes nothing; None if nobody has.

    A process of this machine that has gone has none. Of another machine only the wait for a heartbeat would tell.
    """
    folder = f"leases/{name}"
    numbers = sorted(int(entry) for entry in files.names(folder) if entry.isdecimal())
    if not numbers:
        return None
    try:
        owner = json.loads(files.read(f"{folder}/{numbers[-1]}"))
    except (OSError, ValueError):
        return None  # given back just now, or never whole
    if owner.get("machine") == _machine():
        return f"process {owner['pid']}" if _is_running(owner) else None
    return f"process {owner.get('pid')} on {owner.get('host')}"


def _owner() -> dict[str, Any]:
    """This process, as others on this machine can find it."""
    started = psutil.Process().create_time()
    return {
        "machine": _machine(),
        "host": platform.node(),
        "pid": os.getpid(),
        "started": started,
        "id": uuid.uuid4().hex,
    }


def _machine() -> str:
    """Where process numbers mean the same: one boot of one machine, and one namespace (container) of it."""
    parts = [platform.node()]
    try:
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    except OSError:
        parts.append(str(psutil.boot_time()))
    return " ".join(parts)


def _is_running(owner: dict[str, Any]) -> bool:
    try:
        process = psutil.Process(owner["pid"])
        # A number is used again: it is the same process if it began at the same time.
        return bool(abs(process.create_time() - owner["started"]) < 1.0 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
