"""Named files below one place, a folder or a bucket: each appears whole, or not at all."""

from __future__ import annotations

import errno
import os
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Final, NamedTuple

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


def is_shown(name: str) -> bool:
    """Whether a name is listed: those that start with a dot are of files in the making."""
    return not name.startswith(".")
