"""Data in the formats that others publish it in, small; and the hub's cache as a download leaves it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from zsg_registry import Dataset, Example


class Context(NamedTuple):
    """The registry's `DatasetContext`."""

    cache_dir: Path
    offline: bool = True


class Writer:
    """Writes files by their name in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def text(self, name: str, content: str) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        return path

    def json(self, name: str, value: Any) -> Path:
        return self.text(name, json.dumps(value, ensure_ascii=False))

    def lines(self, name: str, rows: Sequence[Any]) -> Path:
        return self.text(name, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))

    def parquet(self, name: str, columns: Mapping[str, Sequence[Any]]) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({column: list(values) for column, values in columns.items()}), path)
        return path


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Writes files into `tmp_path/data`."""
    return Writer(tmp_path / "data")


@pytest.fixture
def load(tmp_path: Path) -> Callable[..., list[Example]]:
    """`load(P3, path=…)`: the examples of a data set."""

    def call(component: type[Dataset], **params: Any) -> list[Example]:
        values = {name: str(value) if isinstance(value, Path) else value for name, value in params.items()}
        return list(component(**values).load(Context(tmp_path / "cache")))

    return call


@pytest.fixture
def snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Writer]:
    """`snapshot(repo, commit)` writes files of a commit into the cache of the hub, which is empty before."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))

    def folder(repo: str, commit: str) -> Writer:
        return Writer(tmp_path / "hub" / f"datasets--{repo.replace('/', '--')}" / "snapshots" / commit)

    return folder
