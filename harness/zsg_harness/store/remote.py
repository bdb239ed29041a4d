"""Files of a bucket, or of any other file system that fsspec knows."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, Final

import fsspec

from zsg_harness.store.files import Files, FileState, inside, is_shown, reason_of
from zsg_registry import ZsgError, did_you_mean

_EXTRAS: Final = {"s3": "s3", "gs": "gcs", "gcs": "gcs"}
_PASSWORD: Final = re.compile(r"[^/@]*:[^/]*@")
_USUAL: Final = ("s3", "gs", "az", "file")


class RemoteFiles(Files):
    """A place of another file system, such as `s3://bucket/runs`: a file appears when all of it has been sent.

    That one of several who create a file succeeds is a promise of object stores (S3, Google, Azure).
    """

    def __init__(self, url: str) -> None:
        """Find the file system; it may be asked for the first time later.

        Raises:
            ZsgError: The file system is unknown, its package is not installed, the place has no name, or the URL holds
                a password.
        """
        scheme, _, place = url.partition("://")
        if _PASSWORD.match(place):
            shown = f"{scheme}://{_PASSWORD.sub('…@', place)}"
            raise ZsgError(
                f"the store {shown}: a password in a URL would be shown in logs; put it into the environment"
            )
        self.url = f"{scheme}://{place.rstrip('/')}"
        if scheme not in fsspec.available_protocols() and "::" not in scheme:
            raise ZsgError(f"the store {url}: there is no file system {scheme!r}{did_you_mean(scheme, _USUAL)}")
        try:
            self._system, root = fsspec.url_to_fs(self.url)
        except ImportError as error:
            extra = f": pip install 'zsg-harness[{_EXTRAS[scheme]}]'" if scheme in _EXTRAS else ""
            raise ZsgError(f"the store {url} needs a package that is not installed ({error}){extra}") from None
        except Exception as error:  # each file system's package has errors of its own
            raise ZsgError(f"the store {url}: {reason_of(error)}") from None
        if not root.strip("/"):
            raise ZsgError(f"the store {url}: a bucket or folder is missing behind {scheme}://")
        self._system.dircache.use_listings_cache = False  # it would hide what other machines write
        self._system.invalidate_cache()
        self._root = PurePosixPath(root)
        # s3fs would first ask for the size, to read big files in parts.
        self._at_once = {"max_concurrency": 1} if scheme in ("s3", "s3a") else {}

    def read(self, key: str) -> bytes:
        """See `Files`."""
        data: bytes = _ask(self._system.cat_file, self._path(key), **self._at_once)
        return data

    def write(self, key: str, data: bytes) -> None:
        """See `Files`."""
        self._with_folder(key, lambda: _ask(self._system.pipe_file, self._path(key), data))

    def create(self, key: str, data: bytes) -> bool:
        """See `Files`."""
        try:
            self._with_folder(key, lambda: _ask(self._system.pipe_file, self._path(key), data, mode="create"))
        except FileExistsError:
            return self._is(key, data)  # what is sent again because no answer came finds the file that it made itself
        return True

    def put(self, source: Path, key: str) -> None:
        """See `Files`."""
        self._with_folder(key, lambda: _ask(self._system.put_file, str(source), self._path(key)))

    def fetch(self, key: str, scratch: Path) -> Path:
        """See `Files`."""
        place = scratch / inside(key)
        place.parent.mkdir(parents=True, exist_ok=True)
        ready = place.with_name(f".{place.name}.{os.getpid()}.tmp")
        try:
            _ask(self._system.get_file, self._path(key), str(ready))
            ready.replace(place)
        finally:
            ready.unlink(missing_ok=True)
        return place

    def exists(self, key: str) -> bool:
        """See `Files`."""
        try:
            return bool(_ask(self._system.info, self._path(key))["type"] == "file")
        except FileNotFoundError:
            return False

    def names(self, key: str) -> list[str]:
        """See `Files`."""
        return self._listed(key, "file")

    def folders(self, key: str) -> list[str]:
        """See `Files`."""
        return self._listed(key, "directory")

    def find(self, key: str) -> list[str]:
        """See `Files`."""
        try:
            found = [PurePosixPath(path).relative_to(self._root) for path in _ask(self._system.find, self._path(key))]
        except FileNotFoundError:
            return []
        return sorted(path.as_posix() for path in found if all(map(is_shown, path.parts)))

    def size(self, key: str) -> int:
        """See `Files`."""
        return int(_ask(self._system.size, self._path(key)))

    def states(self, key: str) -> dict[str, FileState]:
        """See `Files`. File systems tell of different things (a hash, a time): all of it counts."""
        try:
            found: dict[str, dict[str, Any]] = _ask(self._system.find, self._path(key), detail=True)
        except FileNotFoundError:
            return {}
        root = PurePosixPath(self._path(key))
        return {
            PurePosixPath(path).relative_to(root).as_posix(): FileState(
                int(told.get("size") or 0), " ".join(f"{name}={told[name]}" for name in sorted(told))
            )
            for path, told in found.items()
            if all(map(is_shown, PurePosixPath(path).relative_to(root).parts))
        }

    def unlink(self, key: str) -> None:
        """See `Files`."""
        with suppress(FileNotFoundError):
            _ask(self._system.rm_file, self._path(key))

    def remove(self, key: str) -> None:
        """See `Files`."""
        with suppress(FileNotFoundError):
            _ask(self._system.rm, self._path(key), recursive=True)

    def _path(self, key: str) -> str:
        return str(self._root / inside(key))

    def _is(self, key: str, data: bytes) -> bool:
        try:
            return self.read(key) == data
        except FileNotFoundError:
            return False

    def _with_folder(self, key: str, write: Callable[[], object]) -> None:
        """Write a file, and make its folder first where the file system has folders and this one is not there."""
        try:
            write()
        except FileNotFoundError:
            if not self._root.is_absolute():  # in a bucket there are no folders: the bucket itself is missing
                raise
            _ask(self._system.makedirs, self._path(str(PurePosixPath(key).parent)), exist_ok=True)
            write()

    def _listed(self, key: str, kind: str) -> list[str]:
        try:
            entries: list[dict[str, Any]] = _ask(self._system.ls, self._path(key), detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        names = (PurePosixPath(entry["name"]).name for entry in entries if entry["type"] == kind)
        return sorted(filter(is_shown, names))


def _ask(call: Callable[..., Any], *arguments: object, **options: object) -> Any:
    """Ask a file system. Whatever its package raises becomes an `OSError`."""
    try:
        return call(*arguments, **options)
    except OSError:
        raise
    except Exception as error:
        raise OSError(reason_of(error)) from error
