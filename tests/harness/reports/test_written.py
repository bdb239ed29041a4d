"""Reports are written again when they would be other ones, and else left."""

from __future__ import annotations

from pathlib import Path

import pytest

from zsg_harness.reports import build, written
from zsg_harness.store.store import Store


@pytest.fixture
def out(store, tmp_path: Path) -> Path:
    store.cell("random")
    store.plan()
    build(Store(store.path), tmp_path / "out")
    return tmp_path / "out"


def files(out: Path) -> set[tuple[str, int]]:
    return {(path.name, path.stat().st_mtime_ns) for path in out.iterdir()}


def test_reports_of_the_same_results_are_left(store, out: Path) -> None:
    before = files(out)
    assert build(Store(store.path), out).rows["arrangement"].tolist() == ["random"]
    assert files(out) == before


def test_other_results_are_reported(store, out: Path) -> None:
    store.cell("nft", order="x")
    build(Store(store.path), out)
    assert "nft" in (out / "leaderboard.md").read_text()


def test_a_cell_that_fails_is_reported(store, out: Path) -> None:
    store.cell("nft", order="x", state="failed", reason="out of memory")
    build(Store(store.path), out)
    assert "out of memory" in (out / "index.html").read_text()


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("mine")])
def test_a_report_that_was_touched_is_written_again(store, out: Path, damage) -> None:
    before = (out / "scores.csv").read_bytes()
    damage(out / "scores.csv")
    build(Store(store.path), out)
    assert (out / "scores.csv").read_bytes() == before


def test_another_version_of_the_code_writes_again(store, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = files(out)
    monkeypatch.setattr(written, "_LIBRARIES", ("pandas",))
    build(Store(store.path), out)
    assert not files(out) & before


def test_without_a_note_reports_are_written(store, out: Path) -> None:
    before = files(out)
    for damage in (b"", b"[]", b'{"results": 1}'):
        for note in (store.path / "cache" / "reports").iterdir():
            note.write_bytes(damage)
        build(Store(store.path), out)
        assert not files(out) & before
        before = files(out)
