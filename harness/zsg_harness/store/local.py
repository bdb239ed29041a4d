"""Files of a folder of this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from zsg_harness.store.atomic import write_bytes
from zsg_harness.store.files import Files, FileState, inside, is_shown


class LocalFiles(Files):
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self.url = str(folder)
        self.folder: Path = folder

    def read(self, key: str) -> bytes:
        """See `Files`."""
        return self._place(key).read_bytes()

    def write(self, key: str, data: bytes) -> None:
        """See `Files`."""
        write_bytes(self._place(key), data)

    def create(self, key: str, data: bytes) -> bool:
        """See `Files`."""
        place = self._place(key)
        ready = place.with_name(f".{place.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
        write_bytes(ready, data)
        try:
            os.link(ready, place)  # unlike a rename, a link never replaces an earlier file
        except FileExistsError:
            return False
        finally:
            ready.unlink()
        return True

    def put(self, source: Path, key: str) -> None:
        """See `Files`."""
        place = self._place(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        with source.open("rb") as file:
            os.fsync(file.fileno())
        ready = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        shutil.move(source, ready)
        ready.replace(place)

    def fetch(self, key: str, scratch: Path) -> Path:
        """See `Files`."""
        return self._place(key)

    def exists(self, key: str) -> bool:
        """See `Files`."""
        return self._place(key).is_file()

    def names(self, key: str) -> list[str]:
        """See `Files`."""
        return sorted(entry.name for entry in self._entries(key) if is_shown(entry.name) and entry.is_file())

    def folders(self, key: str) -> list[str]:
        """See `Files`."""
        return sorted(entry.name for entry in self._entries(key) if is_shown(entry.name) and entry.is_dir())

    def find(self, key: str) -> list[str]:
        """See `Files`."""
        found = []
        for folder, folders, names in os.walk(self._place(key)):
            folders[:] = filter(is_shown, folders)
            parent = Path(folder).relative_to(self.folder)
            found += [(parent / name).as_posix() for name in names if is_shown(name)]
        return sorted(found)

    def states(self, key: str) -> dict[str, FileState]:
        """See `Files`. A file is replaced by a rename, and so by another inode."""
        return dict(_states(str(self._place(key)), ""))

    def size(self, key: str) -> int:
        """See `Files`."""
        return self._place(key).stat().st_size

    def unlink(self, key: str) -> None:
        """See `Files`."""
        self._place(key).unlink(missing_ok=True)

    def remove(self, key: str) -> None:
        """See `Files`."""
        place = self._place(key)
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place, ignore_errors=True)
        else:
            place.unlink(missing_ok=True)

    def _place(self, key: str) -> Path:
        return self.folder / inside(key)

    def _entries(self, key: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self._place(key)) as entries:
                return list(entries)
        except (FileNotFoundError, NotADirectoryError):
            return []


def _states(folder: str, prefix: str) -> Iterator[tuple[str, FileState]]:
    """The files below a folder of this machine. Of a big store there are many: paths are plain text here."""
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            if not is_shown(entry.name):
                continue
            if entry.is_dir():
                yield from _states(entry.path, f"{prefix}{entry.name}/")
                continue
            with suppress(FileNotFoundError):  # it went meanwhile
                told = entry.stat()
                yield f"{prefix}{entry.name}", FileState(told.st_size, f"{told.st_ino} {told.st_mtime_ns}")
