"""Files on a disk, in memory and in a bucket: the same promises."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from zsg_harness.store.files import Files
from zsg_harness.store.places import open_files


@pytest.fixture(params=["local", "memory", "s3"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    if request.param == "local":
        return open_files(tmp_path / "place")
    if request.param == "memory":
        return open_files(f"memory://{uuid4().hex}/place/")
    return open_files(f"{request.getfixturevalue('bucket')}/some/place")


def test_what_is_written_is_read(files: Files) -> None:
    files.write("a/b.json", b"old")
    files.write("a/b.json", b"new")
    files.write("a/größe [1] 100%.txt", b"")
    assert files.read("a/b.json") == b"new"
    assert files.read("a/größe [1] 100%.txt") == b""
    assert (files.size("a/b.json"), files.size("a/größe [1] 100%.txt")) == (3, 0)
    assert files.exists("a/b.json")
    assert not files.exists("a")
    assert not files.exists("a/c")
    with pytest.raises(FileNotFoundError):
        files.read("a/c")
    with pytest.raises(FileNotFoundError):
        files.size("a/c")


def test_only_the_first_creates(files: Files) -> None:
    assert files.create("cells/1/done.json", b"first")
    assert not files.create("cells/1/done.json", b"second")
    assert files.read("cells/1/done.json") == b"first"
    files.unlink("cells/1/done.json")
    assert files.create("cells/1/done.json", b"third")


def test_folders_are_listed(files: Files) -> None:
    assert (files.names("cells"), files.folders("cells"), files.find("cells")) == ([], [], [])
    for key in ("cells/b/2/x", "cells/b/1/x", "cells/b/done.json", "cells/a/1/x", "cells/b/.hidden", "top"):
        files.write(key, b"1")
    assert files.folders("cells") == ["a", "b"]
    assert files.folders("cells/b") == ["1", "2"]
    assert files.names("cells/b") == ["done.json"]
    assert (files.names(""), files.folders("")) == (["top"], ["cells"])
    assert files.find("cells") == ["cells/a/1/x", "cells/b/1/x", "cells/b/2/x", "cells/b/done.json"]
    assert files.find("cells/b") == files.find("cells")[1:]
    assert files.names("cells/c") == files.folders("cells/c") == files.find("cells/c") == []


def test_what_others_write_is_seen_at_once(files: Files) -> None:
    others = open_files(files.folder or files.url)
    assert files.names("leases/x") == []
    others.write("leases/x/1", b"me")
    assert files.names("leases/x") == ["1"]
    others.unlink("leases/x/1")
    assert files.names("leases/x") == []
    assert not files.exists("leases/x/1")


def test_files_and_folders_are_removed(files: Files) -> None:
    for key in ("a/b/c", "a/b/d/e", "a/bc", "f"):
        files.write(key, b"1")
    files.remove("a/b")
    files.remove("f")
    files.unlink("a/bc")
    for key in ("a/b", "f", "a/bc", "never/there"):
        files.remove(key)
        files.unlink(key)
    assert files.find("") == []


def test_large_files_go_there_and_back(files: Files, tmp_path: Path) -> None:
    content = bytes(range(256)) * 4096
    (tmp_path / "source").write_bytes(content)
    files.put(tmp_path / "source", "cells/1/state.safetensors")
    assert files.fetch("cells/1/state.safetensors", tmp_path / "scratch").read_bytes() == content
    assert files.find("cells") == ["cells/1/state.safetensors"]
    with pytest.raises(FileNotFoundError):
        open_files(files.folder or files.url).fetch("cells/1/gone", tmp_path / "scratch").read_bytes()
    assert not [path for path in (tmp_path / "scratch").rglob("*") if path.name.startswith(".")]
