"""An archive brings what was exported, and nothing else."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace

import pytest

from zsg_harness.plan.cell import Cell
from zsg_harness.store.archive import export_cells, import_cells
from zsg_harness.store.attempt import Attempt
from zsg_harness.store.store import Store
from zsg_harness.store.verify import Verifier
from zsg_registry import ZsgError

Member = tuple[tarfile.TarInfo, bytes]


def content(store: Store) -> dict[str, bytes]:
    folders = ("cells", "evalsets", "matrices")
    return {key: store.files.read(key) for folder in folders for key in store.files.find(folder)}


@pytest.fixture
def archive(stored: Store, tmp_path: Path) -> Path:
    export_cells(stored, sorted(stored.done_cells()), tmp_path / "cells.tar.gz")
    return tmp_path / "cells.tar.gz"


def test_what_was_exported_is_imported(place: Callable[[], str], stored: Store, tmp_path: Path) -> None:
    source, target = Store(place()), Store(place())
    export_cells(stored, sorted(stored.done_cells()), tmp_path / "a.tar.gz")
    assert len(import_cells(tmp_path / "a.tar.gz", source).copied) == 3
    export_cells(source, sorted(source.done_cells()), tmp_path / "b.tar.gz")
    import_cells(tmp_path / "b.tar.gz", target)
    assert content(target) == content(stored)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()
    assert Verifier(target).verify().faults == []
    assert len(import_cells(tmp_path / "a.tar.gz", target).equal) == 3


def test_some_cells_are_exported_with_their_added_metrics_and_conflicts(
    tmp_path: Path, cells: tuple[Cell, ...], finish: Callable[..., Attempt], add_metric: Callable[..., None]
) -> None:
    from zsg_harness.store.merge import merge

    store, other, target = (Store(tmp_path / name) for name in ("store", "other", "target"))
    for cell in cells[:2]:
        add_metric(finish(store, cell), 1.0)
    finish(other, cells[0], loss=9.0)
    merge(store, {"other": other})
    export_cells(store, [cells[0].cell_id], tmp_path / "one.tar.gz")
    merged = import_cells(tmp_path / "one.tar.gz", target)
    assert (merged.copied, len(merged.conflicts)) == ([cells[0].cell_id], 1)
    own = {key: data for key, data in content(store).items() if cells[1].cell_id not in key}
    assert content(target) == own


def test_a_damaged_cell_is_left_out(stored: Store, tmp_path: Path, cells: tuple[Cell, ...]) -> None:
    attempt = stored.committed(cells[0].cell_id)
    assert attempt is not None
    stored.files.write(f"{attempt.key}/train.parquet", b"x")
    exported = export_cells(stored, sorted(stored.done_cells()), tmp_path / "some.tar.gz")
    assert len(exported.cells) == 2
    assert [damage.key for damage in exported.damaged] == [f"{attempt.key}/train.parquet"]
    assert len(import_cells(tmp_path / "some.tar.gz", Store(tmp_path / "target")).copied) == 2


def members_of(archive: Path) -> list[Member]:
    with tarfile.open(archive) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def write_archive(path: Path, members: Iterable[Member]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member, data in members:
            member.size = len(data) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(data))
    return path


def with_manifest(members: list[Member], **over: object) -> list[Member]:
    (first, data), *others = members
    return [(first, json.dumps({**json.loads(data), **over}).encode()), *others]


def extra(name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = "") -> Member:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, link
    return member, data


def in_manifest(members: list[Member], name: str) -> list[Member]:
    """The manifest names a file too, as a malicious one would."""
    files = json.loads(members[0][1])["files"]
    empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    return with_manifest(members, files={**files, name: empty})


@pytest.mark.parametrize(
    "name",
    [
        "../escaped",
        "/tmp/escaped",
        "cells/../../escaped",
        "cells/c/a/../../../../escaped",
        "cells/c/.hidden/x",
        "cells/c/a\\..\\x",
        "cells/c/other.json",
        "cells/cell.json",
        "leases/x/1",
        "cache/x",
        "index/x.parquet",
        "evalsets/x.parquet",
        "matrices/a/b.json",
        "notes.txt",
        "",
    ],
)
def test_a_name_that_a_store_has_not_is_refused(archive: Path, tmp_path: Path, name: str) -> None:
    members = in_manifest(members_of(archive), name)
    bad = write_archive(tmp_path / "bad.tar.gz", [*members, extra(name)])
    assert_refused(bad, tmp_path, "is not the name of a file of finished cells")


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE]
)
def test_what_is_no_plain_file_is_refused(archive: Path, tmp_path: Path, kind: bytes) -> None:
    name = "cells/c/a/model"
    members = in_manifest(members_of(archive), name)
    bad = write_archive(tmp_path / "bad.tar.gz", [*members, extra(name, kind=kind, link="/etc/passwd")])
    assert_refused(bad, tmp_path, "is not a plain file")


def test_what_the_manifest_does_not_say_is_refused(archive: Path, tmp_path: Path) -> None:
    members = members_of(archive)
    write = tmp_path / "bad.tar.gz"
    assert_refused(write_archive(write, [*members, extra("cells/c/a/x")]), tmp_path, "is not in its manifest")
    assert_refused(write_archive(write, [*members, members[1]]), tmp_path, "is there twice")
    assert_refused(write_archive(write, members[:-1]), tmp_path, "1 files of its manifest are not in it")
    (member, data), *others = members[1:]
    changed = [members[0], (member, data + b" "), *others]
    assert_refused(write_archive(write, changed), tmp_path, "is not the one in its manifest")


def test_a_member_for_which_there_is_no_room_is_refused(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = SimpleNamespace(free=10)
    monkeypatch.setattr("zsg_harness.store.archive.shutil.disk_usage", lambda folder: room)
    assert_refused(archive, tmp_path, "there is no room for 'cells/")


@pytest.mark.parametrize("manifest", [b"", b"{", b"[]", b'{"format": 1}', b'{"format": 1, "files": []}', b"[" * 9999])
def test_a_damaged_manifest_is_refused(archive: Path, tmp_path: Path, manifest: bytes) -> None:
    (first, _), *others = members_of(archive)
    bad = write_archive(tmp_path / "bad.tar.gz", [(first, manifest), *others])
    assert_refused(bad, tmp_path, "manifest.json is damaged")


def test_another_format_is_refused(archive: Path, tmp_path: Path) -> None:
    bad = write_archive(tmp_path / "bad.tar.gz", with_manifest(members_of(archive), format=2))
    assert_refused(bad, tmp_path, "it has format 2; this version reads 1")


def test_what_is_no_archive_is_refused(archive: Path, tmp_path: Path) -> None:
    whole = archive.read_bytes()
    bad = tmp_path / "bad.tar.gz"
    for data in (b"", b"not an archive", gzip.compress(b"not a tar"), whole[: len(whole) // 2], whole[:-400]):
        bad.write_bytes(data)
        assert_refused(bad, tmp_path, "")
    assert_refused(write_archive(bad, members_of(archive)[1:]), tmp_path, "does not begin with a manifest.json")


def assert_refused(archive: Path, tmp_path: Path, reason: str) -> None:
    target = Store(tmp_path / "target")
    with pytest.raises(ZsgError) as caught:
        import_cells(archive, target)
    said = str(caught.value)
    assert said.startswith(str(archive))
    assert said.endswith("nothing was imported")
    assert reason in said
    assert "\n" not in said
    assert target.files.find("") == []
    assert not (tmp_path / "escaped").exists()
