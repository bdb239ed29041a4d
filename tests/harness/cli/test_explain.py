"""`explain` on cells that were really run."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from zsg_harness.cells import data as loaded


@pytest.fixture
def cell(finished: Any) -> str:
    return str(min(path.parent.name for path in (finished.store / "cells").glob("*/done.json")))


def test_a_real_cell(zsg: Callable[..., Any], finished: Any, cell: str, tmp_path: Path) -> None:
    asked = ("explain", cell[:12], "--store", finished.store, "--embedder", "hashed-ngrams", "-q")
    found = zsg(*asked, "--json", "--out", "out")
    assert found.code == 0, found.err
    told = found.json
    assert (told["arrangement"], told["explained_by"], told["access"]) == ("random", "hashed-ngrams", "none")
    assert set(told["kinds"]) == {"t3"}
    assert sum(share[0] for share in told["task_mix"]["shares"].values()) == pytest.approx(1)
    table = pq.read_table(tmp_path / "out" / "similarity.parquet").to_pandas()
    assert table["measure"].nunique() == 9
    assert set(table["step"]) == {0, 1}
    assert table.loc[table["step"] == 0, "distance"].isna().all()
    assert table.loc[table["step"] == 1, "distance"].notna().all()
    assert json.loads((tmp_path / "out" / "explanation.json").read_text()) == told
    assert "What was trained on when" in (tmp_path / "out" / "index.html").read_text()

    text = zsg(*asked).out
    assert "the arrangement saw nothing of the unseen tasks" in text
    assert "no task's loss fell suddenly" in text


def test_wrong_input_is_one_line(zsg: Callable[..., Any], finished: Any, cell: str) -> None:
    unfinished = next(path.name for path in (finished.store / "cells").iterdir() if not (path / "done.json").exists())
    for args, hint in [
        ((cell,), "name one with --embedder"),
        ((cell, "-e", "hashed-ngram"), "did you mean 'hashed-ngrams'"),
        ((unfinished, "-e", "hashed-ngrams"), "is not finished"),
        (("nothing",), "no cell 'nothing'"),
    ]:
        result = zsg("explain", *args, "--store", finished.store)
        assert (result.code, result.out, result.err.count("\n")) == (2, "", 1), result.err
        assert hint in result.err


def test_data_that_is_gone_is_told_of(
    zsg: Callable[..., Any], finished: Any, cell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loaded, "_LOADED", {})
    monkeypatch.setattr(loaded, "_CUT", {})
    data = finished.matrix.parent / "data.jsonl"
    data.rename(data.with_suffix(".away"))
    try:
        result = zsg("explain", cell, "--store", finished.store, "-e", "hashed-ngrams")
    finally:
        data.with_suffix(".away").rename(data)
    assert (result.code, result.err.count("\n")) == (2, 1)
    assert f"the data of cell {cell}" in result.err
