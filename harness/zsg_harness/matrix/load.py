"""Reading a matrix: from a file, or a bundled one by its name."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args

from pydantic import ValidationError

from zsg_harness.matrix.catalogue import bundled_text
from zsg_harness.matrix.schema import Matrix
from zsg_registry import ZsgError, did_you_mean

_VARIABLE: Final = re.compile(r"\$\{(\w+)(?::-([^}]*))?\}")


@dataclass(frozen=True, slots=True)
class LoadedMatrix:
    """A matrix and where it came from.

    Attributes:
        matrix: The checked matrix.
        document: What was written, before variables were replaced.
        base_dir: What its paths are relative to.
        origin: The file or bundled name, for messages.
    """

    matrix: Matrix
    document: dict[str, Any]
    base_dir: Path
    origin: str

    def published(self) -> dict[str, Any]:
        """The matrix with its defaults, as a report may show it: `${VARIABLE}` as written, no path of this machine."""
        published: dict[str, Any] = _as_written(self.matrix.model_dump(mode="json"), self.document)
        return published


def load_matrix(name_or_path: str | Path) -> LoadedMatrix:
    """Read a matrix file, or a bundled matrix by name. A file goes before a bundled name.

    `${VARIABLE}` and `${VARIABLE:-default}` in strings are replaced from the environment.

    Raises:
        ZsgError: There is no such matrix, or it is not valid; the message names the place.
    """
    path = Path(name_or_path)
    if path.is_file():
        return _parse(_read(path), str(path), path.resolve().parent)
    if path.suffix == ".toml" or path.is_dir():
        raise ZsgError(f"no such matrix file: {path}{_nearest_file(path)}")
    return _parse(bundled_text(str(name_or_path)), str(name_or_path), Path.cwd())


def check_matrix(document: dict[str, Any], origin: str, base_dir: Path) -> LoadedMatrix:
    """Check a matrix that is already a document.

    Raises:
        ZsgError: A field is unknown, missing or of the wrong type.
    """
    try:
        matrix = Matrix.model_validate(expand_variables(document, origin))
    except ValidationError as error:
        raise ZsgError(f"{origin}: {_describe(error)}") from None
    return LoadedMatrix(matrix, document, base_dir, origin)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ZsgError(f"{path} cannot be read: {error}") from None


def _parse(text: str, origin: str, base_dir: Path) -> LoadedMatrix:
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ZsgError(f"{origin} is not TOML: {error}") from None
    if not document:
        raise ZsgError(f"{origin} is empty: a matrix needs at least a [matrix] table")
    return check_matrix(document, origin, base_dir)


def expand_variables(value: Any, origin: str) -> Any:
    """A document with `${VARIABLE}` and `${VARIABLE:-default}` in its strings replaced from the environment.

    Raises:
        ZsgError: A variable is not set.
    """
    if isinstance(value, dict):
        return {key: expand_variables(item, origin) for key, item in value.items()}
    if isinstance(value, list):
        return [expand_variables(item, origin) for item in value]
    if not isinstance(value, str):
        return value

    def replace(match: re.Match[str]) -> str:
        found = os.environ.get(match[1], match[2])
        if found is None:
            raise ZsgError(f"{origin}: the environment variable {match[1]} is not set (it stands in {value!r})")
        return found

    return _VARIABLE.sub(replace, value)


def has_variables(value: Any) -> bool:
    """Whether `expand_variables` would look into the environment."""
    if isinstance(value, dict | list):
        return any(map(has_variables, value.values() if isinstance(value, dict) else value))
    return isinstance(value, str) and _VARIABLE.search(value) is not None


def _as_written(value: Any, written: Any) -> Any:
    if isinstance(written, str) and _VARIABLE.search(written):
        return written
    if isinstance(value, dict) and isinstance(written, dict):
        return {key: _as_written(item, written.get(key)) for key, item in value.items()}
    if isinstance(value, list) and isinstance(written, list) and len(value) == len(written):
        return [_as_written(item, own) for item, own in zip(value, written, strict=True)]
    return value


def _describe(error: ValidationError) -> str:
    """The first finding in one line. Of the branches of a union, the one that got furthest is the one meant."""
    findings = error.errors()
    finding = max(findings, key=lambda f: (f["type"] == "extra_forbidden", -findings.index(f)))
    location = [str(part) for part in finding["loc"] if not _is_branch(str(part))]
    where = ".".join(location)
    if finding["type"] == "extra_forbidden":
        return f"unknown field {where!r}{did_you_mean(location[-1], _known_fields(location[:-1]))}"
    if finding["type"] == "too_short":
        return f"{where!r} is empty"
    return f"{where!r}: {finding['msg'].lower()}, got {finding['input']!r}"


def _is_branch(part: str) -> bool:
    """Whether a part of a location is pydantic's name for a branch of a union, such as `literal['all']`."""
    return bool(re.search(r"[\[({]", part)) or part in {"str", "int", "ModelEntry", "TokenBudget", "SeedTable"}


def _known_fields(location: list[str]) -> list[str]:
    fields = Matrix.model_fields
    for part in location:
        annotation = fields[part].annotation if part in fields else None
        branches = get_args(annotation) or (annotation,)  # of a table that may be left out
        fields = next((found for each in branches if (found := getattr(each, "model_fields", None))), fields)
    return list(fields)


def _nearest_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f" (there is no folder {folder})"
    return did_you_mean(path.name, [entry.name for entry in folder.glob("*.toml")])
