"""Local files: finding them, telling them by their content, and reading records, each with the place it stands at."""

from __future__ import annotations

import functools
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator

from zsg_registry import InputPath, ZsgError, did_you_mean


def _check_local(path: str) -> str:
    if "://" in path:
        raise ValueError(f"should be a local file or folder, got {path!r}")
    return path


LocalPath = Annotated[InputPath, AfterValidator(_check_local)]
"""A parameter that is a file or folder of this machine."""


class Place(NamedTuple):
    """Where a record stands, for messages."""

    file: Path
    unit: str
    number: int

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.number}"


Record = tuple[Place, Any]
FIELDS: Final = frozenset(
    ("id", "task", "source", "prompt", "completion", "messages", "instruction", "references", "choices", "meta")
)
"""What is read of a record of our own format; every other field is ignored."""


def should_exist(path: Path) -> None:
    """Check that there is something at `path`.

    Raises:
        ZsgError: There is not; the message has the nearest name in its folder.
    """
    if path.exists():
        return
    parent = path.parent
    if not parent.is_dir():
        raise ZsgError(f"no such file: {path} (there is no folder {parent})")
    beside = [entry.name for entry in parent.iterdir() if entry.suffix and not entry.name.startswith(".")]
    raise ZsgError(f"no such file: {path}{did_you_mean(path.name, beside, limit=1)}")


def data_files(path: Path, *, without: Path | None = None) -> list[Path]:
    """The data files at `path`: itself, or of a folder all files with a known extension, sorted by relative name.

    Args:
        path: A file or folder.
        without: A file that is not data, though it may lie in the folder.

    Raises:
        ZsgError: There is none, or it is of a kind that is not read here.
    """
    should_exist(path)
    if not path.is_dir():
        _reader(path)
        return [path]
    found = [
        file
        for file in sorted(path.rglob("*"), key=lambda file: file.relative_to(path).as_posix())
        if _extension(file) and file.is_file() and not _is_hidden(file.relative_to(path))
    ]
    if without is not None and without.exists():
        found = [file for file in found if not file.samefile(without)]
    if not found:
        raise ZsgError(f"{path} holds no data files ({', '.join(_READERS)})")
    return found


def records(files: Iterable[Path], fields: Collection[str] = FIELDS) -> Iterator[Record]:
    """The records of all files, one at a time, each as it was written, with its place.

    Args:
        files: Data files.
        fields: What is needed of a record. More may come, of files that are not columnar.

    Raises:
        ZsgError: A file cannot be read, or is not what its extension says.
    """
    for file in files:
        with readable(file):
            yield from _reader(file)(file, fields)


def digest(file: Path) -> str:
    """The sha256 of a file's content; computed once, until its size or time tells that it changed.

    Raises:
        ZsgError: There is no such file.
    """
    with readable(file):
        about = file.stat()
    return _digest(file, about.st_size, about.st_mtime_ns)


@functools.lru_cache(maxsize=4096)
def _digest(file: Path, size: int, modified: int) -> str:
    with readable(file), file.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def read_json(file: Path) -> Any:
    """The JSON value that a file holds.

    Raises:
        ZsgError: It cannot be read, or is not JSON; the message says where.
    """
    with readable(file):
        return _parse(file.read_bytes().removeprefix(b"\xef\xbb\xbf"), str(file))


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Turn the errors of reading `file` into a `ZsgError` that names it."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ZsgError(f"{file} is not a whole gzip file: {error}") from None
    except OSError as error:
        raise ZsgError(f"{file} cannot be read: {error.strerror or error}") from None


def _jsonl(file: Path, _: Collection[str]) -> Iterator[Record]:
    with file.open("rb") as handle:
        yield from _lines(file, handle)


def _jsonl_gz(file: Path, _: Collection[str]) -> Iterator[Record]:
    with gzip.open(file, "rb") as handle:
        yield from _lines(file, handle)


def _lines(file: Path, handle: IO[bytes] | gzip.GzipFile) -> Iterator[Record]:
    # Read as bytes: text mode would also break lines at a lone "\r", and lose count of them.
    for number, line in enumerate(handle, start=1):
        text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
        if text.strip():
            place = Place(file, "line", number)
            yield place, _parse(text.rstrip(), str(place))


def _json(file: Path, _: Collection[str]) -> Iterator[Record]:
    content = file.read_bytes().removeprefix(b"\xef\xbb\xbf")
    if not content.strip():
        return
    value = _parse(content, str(file), hint=" (is it one object a line? then its extension is .jsonl)")
    if not isinstance(value, list):
        raise ZsgError(f"{file} is not a JSON list of examples (with one object a line, its extension is .jsonl)")
    for number, item in enumerate(value, start=1):
        yield Place(file, "item", number), item


def _parse(text: bytes, where: str, hint: str = "") -> Any:
    try:
        return json.loads(text.decode("utf-8"))
    except UnicodeDecodeError:
        raise ZsgError(f"{where}: not UTF-8 text") from None
    except json.JSONDecodeError as error:
        at = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
        raise ZsgError(f"{where}: not JSON: {error.msg} ({at}){hint}") from None
    except (ValueError, RecursionError) as error:
        raise ZsgError(f"{where}: not JSON that can be read: {error}") from None


def _parquet(file: Path, fields: Collection[str]) -> Iterator[Record]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as parquet:
            columns = [name for name in parquet.schema_arrow.names if name in fields]
            if not columns:
                there, wanted = ", ".join(parquet.schema_arrow.names), ", ".join(sorted(fields))
                raise ZsgError(f"{file} has the columns {there}, and none of those that are read ({wanted})")
            number = 0
            for batch in parquet.iter_batches(batch_size=8192, columns=columns):
                for row in batch.to_pylist():
                    number += 1
                    yield Place(file, "row", number), row
    except pa.ArrowException as error:
        raise ZsgError(f"{file} is not a whole Parquet file: {' '.join(str(error).split())}") from None


_Reader = Callable[[Path, Collection[str]], Iterator[Record]]
_READERS: Final[dict[str, _Reader]] = {
    ".jsonl": _jsonl,
    ".jsonl.gz": _jsonl_gz,
    ".json": _json,
    ".parquet": _parquet,
}


def _extension(file: Path) -> str | None:
    return next((known for known in _READERS if file.name.lower().endswith(known)), None)


def _reader(file: Path) -> _Reader:
    extension = _extension(file)
    if extension is None:
        own = "".join(file.suffixes[-2:] if file.suffix == ".gz" else file.suffixes[-1:])
        raise ZsgError(f"{file}: unknown extension {own!r} (what is read: {', '.join(_READERS)}, or a folder of them)")
    return _READERS[extension]


def _is_hidden(relative: Path) -> bool:
    return any(part.startswith((".", "_")) for part in relative.parts)
