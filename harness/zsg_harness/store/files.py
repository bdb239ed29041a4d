"""Named files below one place, a folder or a bucket: each appears whole, or not at all."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from zsg_harness.store.atomic import write_bytes

SEGMENT: Final = r"[^./\\\x00-\x1f\x7f][^/\\\x00-\x1f\x7f]*"
"""A name of a file or folder that is not hidden and leads nowhere else."""


class FileState(NamedTuple):
    """What a listing tells of a file.

    Attributes:
        size: Its bytes.
        version: A text that is another one when the file is written again.
    """

    size: int
    version: str


class Files(ABC):
    """Files by key: a relative path with slashes, such as `cells/1f/done.json`. A key that starts with a dot is hidden,
    and one that leads out of the place is none: what is asked of it is an `OSError`.

    Attributes:
        url: The place, as a user writes it.
        folder: Where it is on this machine; None for a remote place.
    """

    url: str
    folder: Path | None = None

    @abstractmethod
    def read(self, key: str) -> bytes:
        """The content of a file.

        Raises:
            OSError: It is not there, or cannot be read.
        """

    @abstractmethod
    def write(self, key: str, data: bytes) -> None:
        """Write a file, over an older one.

        Raises:
            OSError: It cannot be written; what was there has not changed.
        """

    @abstractmethod
    def create(self, key: str, data: bytes) -> bool:
        """Write a file unless it is there: of several that try at once, one succeeds.

        Returns:
            Whether this call wrote it.
        """

    @abstractmethod
    def put(self, source: Path, key: str) -> None:
        """Write a file of this machine, which may be moved there."""

    @abstractmethod
    def fetch(self, key: str, scratch: Path) -> Path:
        """A file's place on this machine; a remote one is copied into `scratch`."""

    @abstractmethod
    def exists(self, key: str) -> bool:
        """Whether there is such a file."""

    @abstractmethod
    def names(self, key: str) -> list[str]:
        """The names of the files in a folder, sorted."""

    @abstractmethod
    def folders(self, key: str) -> list[str]:
        """The names of the folders in a folder, sorted."""

    @abstractmethod
    def find(self, key: str) -> list[str]:
        """The keys of all files below a folder, sorted."""

    @abstractmethod
    def states(self, key: str) -> dict[str, FileState]:
        """All files below a folder, by their keys from there on; none of them is read."""

    @abstractmethod
    def size(self, key: str) -> int:
        """A file's bytes."""

    @abstractmethod
    def unlink(self, key: str) -> None:
        """Remove a file, if it is there."""

    @abstractmethod
    def remove(self, key: str) -> None:
        """Remove a file, or a folder with all that is in it, if it is there."""


def open_files(place: str | Path) -> Files:
    """The files of a folder, or of a URL of any file system that fsspec knows.

    Raises:
        ZsgError: The URL's file system is unknown, or its package is not installed.
    """
    scheme, separator, path = str(place).partition("://")
    if not separator:
        return LocalFiles(Path(place))
    if scheme in ("file", "local"):
        return LocalFiles(Path(path))
    from zsg_harness.store.remote import RemoteFiles

    return RemoteFiles(str(place))


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


def inside(key: str) -> str:
    """A key that is one.

    Names in it may be what somebody else's file says: an attempt of a `done.json`, an eval set of a `status.json`.

    Raises:
        PermissionError: It leads out of the place, or no file can be called so.
    """
    if key.startswith("/") or ".." in key.split("/") or "\0" in key or not _is_encodable(key):
        raise PermissionError(errno.EPERM, "the name leads out of the store", key)
    return key


def _is_encodable(key: str) -> bool:
    """JSON can write half of a character, which no file's name has."""
    try:
        os.fsencode(key)
    except UnicodeEncodeError:
        return False
    return True


def reason_of(error: Exception) -> str:
    """What an error of a file system says, in one line."""
    return " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__


def scratch_folder(files: Files) -> Path:
    """Where this machine keeps what belongs to a place but must lie on its own disk: the place itself, if it does."""
    if files.folder is not None:
        return files.folder
    return user_cache() / "stores" / hashlib.sha256(files.url.encode()).hexdigest()[:16]


def user_cache() -> Path:
    """The user's cache folder, for what belongs to no store on this machine."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zsg-harness"


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


def is_shown(name: str) -> bool:
    """Whether a name is listed: those that start with a dot are of files in the making."""
    return not name.startswith(".")
