"""Where files are: a folder or a bucket, and what of it must lie on a disk of this machine."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from zsg_harness.store.files import Files
from zsg_harness.store.local import LocalFiles


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
    from zsg_harness.store.remote import RemoteFiles  # fsspec is not needed for a folder

    return RemoteFiles(str(place))


def scratch_folder(files: Files) -> Path:
    """Where this machine keeps what belongs to a place but must lie on its own disk: the place itself, if it does."""
    if files.folder is not None:
        return files.folder
    return user_cache() / "stores" / hashlib.sha256(files.url.encode()).hexdigest()[:16]


def user_cache() -> Path:
    """The user's cache folder, for what belongs to no store on this machine."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "zsg-harness"
