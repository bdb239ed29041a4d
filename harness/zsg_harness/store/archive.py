"""Finished cells as one file: a `.tar.gz` of the store's own layout, with the hash of everything in it.

An archive may come from anywhere. It is unpacked into a folder of its own, member by member, and refused as a whole
when one of them is not a plain file, has a name that a store does not have, or is not what the manifest says. What
was unpacked is then merged like any other store.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import shutil
import tarfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Final

from zsg_harness.store.atomic import replacing
from zsg_harness.store.files import SEGMENT
from zsg_harness.store.merge import Merged, merge
from zsg_harness.store.results import Damage, fetch_file, file_hash, results_of
from zsg_harness.store.store import Store
from zsg_registry import ZsgError

_MANIFEST: Final = "manifest.json"
_FORMAT: Final = 1
_LARGEST_MANIFEST: Final = 2**28
_CHUNK: Final = 2**20
_LAYOUT: Final = re.compile(
    rf"cells/{SEGMENT}/(cell|done|conflict-{SEGMENT})\.json"
    rf"|cells/{SEGMENT}/{SEGMENT}(/{SEGMENT})+"
    rf"|evalsets/[0-9a-f]{{20}}\.parquet"
    rf"|matrices/{SEGMENT}\.json"
)


@dataclass(slots=True)
class Exported:
    """What came of an export.

    Attributes:
        cells: The cells in the archive.
        files: How many files it has.
        damaged: What was left out because it is damaged.
    """

    cells: list[str] = field(default_factory=list)
    files: int = 0
    damaged: list[Damage] = field(default_factory=list)


def export_cells(store: Store, cell_ids: Iterable[str], out: Path) -> Exported:
    """Write finished cells, with their eval sets and the frozen matrices that name them, to one file.

    Raises:
        ZsgError: The file cannot be written.
    """
    exported = Exported()
    with store.making("export") as scratch:
        places: dict[str, Path] = {}
        for cell_id in cell_ids:
            try:
                places |= _cell_files(store, cell_id, scratch)
            except Damage as damage:
                exported.damaged.append(damage)
            else:
                exported.cells.append(cell_id)
        for key in _matrices(store, set(exported.cells)):
            places[key] = fetch_file(store.files, key, scratch)
        exported.files = len(places)
        try:
            with replacing(out) as file:
                _pack(file, dict(sorted(places.items())))
        except OSError as error:
            raise ZsgError(f"{out} cannot be written: {error.strerror or error}") from None
    return exported


def import_cells(archive: Path, store: Store) -> Merged:
    """Merge the cells of an archive into a store.

    Raises:
        ZsgError: The archive is refused, or the store cannot be written; nothing was merged.
    """
    store.prepare()
    with store.making("import") as folder:
        with _refusing(archive), tarfile.open(archive, "r|gz") as tar:
            _unpack(tar, folder)
        return merge(store, {archive.name: Store(folder)})


def _cell_files(store: Store, cell_id: str, scratch: Path) -> dict[str, Path]:
    """All that belongs to a cell's results, each file checked."""
    cell = f"cells/{cell_id}"
    places = {f"{cell}/cell.json": fetch_file(store.files, f"{cell}/cell.json", scratch)}
    for result in results_of(store, cell_id):
        places |= {f"{result.folder}/{name}": result.fetch(name, scratch) for name in result.hashes}
        others = [f"{cell}/{result.document}", *result.eval_sets]
        for told, tables in result.added_metrics().items():
            others += [f"{result.folder}/{name}" for name in (told, *tables)]
        places |= {key: fetch_file(store.files, key, scratch) for key in others}
    return places


def _matrices(store: Store, cell_ids: set[str]) -> Iterator[str]:
    """The frozen matrices that name some of the cells."""
    for stem, plan in store.matrices().items():
        if any(cell.get("cell_id") in cell_ids for cell in plan.get("cells", [])):
            yield f"matrices/{stem}.json"


def _pack(out: IO[bytes], places: Mapping[str, Path]) -> None:
    """Write an archive; the same files make the same bytes."""
    manifest = {"format": _FORMAT, "files": {key: file_hash(place) for key, place in places.items()}}
    data = json.dumps(manifest, indent=1).encode()
    # What is large in it is compressed already.
    with (
        gzip.GzipFile(filename="", fileobj=out, mode="wb", compresslevel=1, mtime=0) as stream,
        tarfile.open(fileobj=stream, mode="w|", format=tarfile.PAX_FORMAT) as tar,
    ):
        _add(tar, _MANIFEST, len(data), BytesIO(data))
        for key, place in places.items():
            with place.open("rb") as file:
                _add(tar, key, place.stat().st_size, file)


def _add(tar: tarfile.TarFile, name: str, size: int, file: IO[bytes]) -> None:
    member = tarfile.TarInfo(name)
    member.size = size
    tar.addfile(member, file)


@contextmanager
def _refusing(archive: Path) -> Iterator[None]:
    """Turn whatever is wrong with an archive into one line about it."""
    try:
        yield
    except _Refused as error:
        raise ZsgError(f"{archive}: {error}; nothing was imported") from None
    except (tarfile.TarError, EOFError, zlib.error, OSError) as error:
        reason = getattr(error, "strerror", None) or " ".join(str(error).split())
        raise ZsgError(f"{archive} is not a whole archive of cells: {reason}; nothing was imported") from None


class _Refused(Exception):
    """Why an archive is not taken."""


def _unpack(tar: tarfile.TarFile, folder: Path) -> None:
    """Write the members of an archive into a folder, which becomes a store.

    Raises:
        _Refused: The archive is not what `export_cells` writes.
    """
    members = iter(tar)
    hashes = _read_manifest(tar, next(members, None))
    left = dict(hashes)
    for member in members:
        name = member.name
        if not member.isreg():
            raise _Refused(f"{name!r} is not a plain file")
        if not _LAYOUT.fullmatch(name):
            raise _Refused(f"{name!r} is not the name of a file of finished cells")
        if name not in left:
            raise _Refused(f"{name!r} is {'there twice' if name in hashes else 'not in its manifest'}")
        if member.size > shutil.disk_usage(folder).free:
            raise _Refused(f"there is no room for {name!r} ({member.size:,} bytes)")
        if _write(tar, member, folder / name) != left.pop(name):
            raise _Refused(f"the sha256 of {name!r} is not the one in its manifest")
    if left:
        raise _Refused(f"{len(left)} files of its manifest are not in it, such as {next(iter(left))!r}")


def _read_manifest(tar: tarfile.TarFile, member: tarfile.TarInfo | None) -> dict[str, str]:
    if member is None or member.name != _MANIFEST or not member.isreg() or member.size > _LARGEST_MANIFEST:
        raise _Refused(f"it does not begin with a {_MANIFEST}")
    file = tar.extractfile(member)
    assert file is not None
    try:
        manifest: Any = json.loads(file.read())
        if manifest["format"] != _FORMAT:
            raise _Refused(f"it has format {manifest['format']!r}; this version reads {_FORMAT}")
        return {str(key): str(text) for key, text in manifest["files"].items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise _Refused(f"its {_MANIFEST} is damaged") from None


def _write(tar: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> str:
    """Write a member to a place; returns its hash."""
    source, digest = tar.extractfile(member), hashlib.sha256()
    assert source is not None
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("xb") as file:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()
