"""What is computed once and kept by content: on this machine's disk, and in a remote store too."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from zsg_harness.store.atomic import write_bytes
from zsg_harness.store.files import Files

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PAUSE: Final = 1.0
"""Seconds between looks at what another machine is computing."""


class Cache:
    """A folder of results by content, safe to delete.

    Attributes:
        folder: Where it is on this machine.
    """

    def __init__(self, folder: Path, shared: Files | None = None) -> None:
        """Take a folder.

        Args:
            folder: On this machine; made when something is kept.
            shared: A remote store, through which other machines find what this one has computed.
        """
        self.folder = folder
        self._shared = shared

    def path(self, name: str) -> Path:
        """Where something is, or would be, on this machine."""
        return self.folder / name

    def holds(self, *names: str) -> bool:
        """Whether all of some files are there; those of another machine are copied to this one."""
        if all(self.path(name).is_file() for name in names):
            return True
        if self._shared is None:
            return False
        try:
            for name in reversed(names):  # the last is published last: where it is, all are
                self._shared.fetch(f"cache/{name}", self.folder.parent)
        except FileNotFoundError:
            return False
        return True

    def has_any(self, kind: str) -> bool:
        """Whether anything is kept in a folder of it, on this machine or for all."""
        local = self.path(kind).is_dir() and any(self.path(kind).iterdir())
        return local or (self._shared is not None and bool(self._shared.names(f"cache/{kind}")))

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Be the only one to compute something; whoever else needs it meanwhile waits.

        What a process holds that is killed is free again.
        """
        from filelock import FileLock

        lock = self.path(name).with_suffix(".lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(lock):
            if self._shared is None:
                yield
                return
            from zsg_harness.store.leases import Leases

            with Leases(self._shared) as leases:
                while not leases.take(f"cache/{name}"):
                    time.sleep(_PAUSE)
                yield

    def publish(self, *names: str) -> None:
        """Let other machines find some files, once they are whole; the last of them says that all are there."""
        if self._shared is not None:
            for name in names:
                self._shared.put(self.path(name), f"cache/{name}")

    def array(self, name: str, compute: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        """The array `<name>.npy`, computed if it is not there, memory-mapped."""
        import numpy as np

        file = f"{name}.npy"
        if not self.holds(file):
            with self.alone(name):
                if not self.holds(file):
                    buffer = io.BytesIO()
                    np.save(buffer, compute(), allow_pickle=False)
                    write_bytes(self.path(file), buffer.getvalue())
                    self.publish(file)
        array: NDArray[Any] = np.load(self.path(file), mmap_mode="r", allow_pickle=False)
        return array
