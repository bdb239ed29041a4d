"""Parameters that are files or folders: found relative to the matrix file, and known by their content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, ValidationInfo

from zsg_registry.errors import ZsgError


class _Place(str):
    """A value that says where, not what."""

    __slots__ = ()


def _resolve(path: str, info: ValidationInfo) -> str:
    base = (info.context or {}).get("base_dir")
    return _Place(path if base is None or "://" in path else Path(base, Path(path).expanduser()))


InputPath = Annotated[str, AfterValidator(_resolve)]
"""A parameter that is a file or folder: relative to the matrix file, and known by its content, not by its place."""


def _hub_id_or_folder(model: str, info: ValidationInfo) -> str:
    folder = Path(_resolve(model, info))
    if folder.is_dir():
        return _Place(folder.absolute())  # absolute, so that it is never taken for a hub id
    if model.startswith((".", "/", "~")):
        raise ValueError(f"there is no folder {folder}")
    return model


HubIdOrFolder = Annotated[str, AfterValidator(_hub_id_or_folder)]
"""A parameter that is a model: a folder (an absolute path, known by its content), or else the id of one on a hub."""


_DATA = frozenset((".json", ".jsonl", ".parquet", ".csv", ".tsv", ".txt", ".arrow", ".gz", ".zst"))


def _hub_id_or_path(name: str, info: ValidationInfo) -> str:
    path = Path(_resolve(name, info))
    if path.exists():
        return _Place(path.absolute())
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or path.suffix.lower() in _DATA:
        raise ValueError(f"there is no file or folder {path}")
    return name


HubIdOrPath = Annotated[str, AfterValidator(_hub_id_or_path)]
"""A parameter that is data: a file or folder (an absolute path, known by its content), or else the id of a data set on
a hub."""


def holds_place(value: Any) -> bool:
    """Whether a parameter's value is an `InputPath`, or a list with one in it.

    By value, not by annotation: an `InputPath` may be one branch of a union.
    """
    return isinstance(value, _Place) or (isinstance(value, list | tuple) and any(map(holds_place, value)))


def content_of(value: Any) -> Any:
    """What stands for a place in an identity: a hash of the file, or of all files of the folder; a URL is itself.

    Raises:
        ZsgError: There is no such file or folder.
    """
    if isinstance(value, list | tuple):
        return [content_of(item) for item in value]
    if not isinstance(value, _Place) or "://" in value:
        return value
    path = Path(value)
    if path.is_dir():
        return {str(file.relative_to(path)): _hash(file) for file in sorted(path.rglob("*")) if file.is_file()}
    return _hash(path)


def _hash(file: Path) -> str:
    try:
        with file.open("rb") as handle:
            return hashlib.file_digest(handle, "sha256").hexdigest()
    except OSError as error:
        raise ZsgError(f"{file} cannot be read: {error.strerror or error}") from None
