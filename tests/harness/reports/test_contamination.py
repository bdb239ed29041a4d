"""What leaderboards tell of scored examples that the pool has too."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from zsg_harness.reports import build
from zsg_harness.store.store import Store

HOSTILE = "<script>alert(1)</script>"
NOTHING = {"exact": 0, "same-words": 0, "same-prompt": 0, "near": 0, "similar": 0}


def told(affected: int = 0, dropped: int = 0, without=None, **kinds: int) -> dict:
    return {
        "scored": 10,
        "affected": affected,
        "kinds": NOTHING | kinds,
        "tasks": {HOSTILE: kinds} if kinds else {},
        "sources": {},
        "dropped": dropped,
        "without": without,
    }


def written(store, tmp_path: Path):
    store.plan()
    board = build(Store(store.path), tmp_path / "report")
    return board, {name: (tmp_path / "report" / name).read_text() for name in ("index.html", "leaderboard.md")}


def test_other_scores_with_and_without(store, tmp_path: Path) -> None:
    metrics = {"loss": {"direction": "lower", "scope": "unseen"}}
    kept = metrics | {"exact_match": {"direction": "higher", "scope": "unseen", "without": 12.0}}
    clean = metrics | {"exact_match": {"direction": "higher", "scope": "unseen"}}
    scores = {"exact_match": {"task-a": 40.0, "task-b": 20.0}}
    without = {"step": [0, 1, 10], "loss": [9.0, 7.0, 6.0]}
    store.cell("random", order="r", metrics=kept, scores=scores, contamination=told(2, without=without, exact=2))
    store.cell("nft", order="n", metrics=clean, scores=scores, contamination=told())
    store.cell("old", order="o", metrics=clean, scores=scores)
    board, texts = written(store, tmp_path)
    found = board.rows.set_index("arrangement")["exact_match_clean"]
    assert found.loc[["random", "nft"]].tolist() == [12.0, 30.0]
    assert math.isnan(found["old"])
    assert "exact match, clean" in texts["index.html"]


def test_scores_with_and_without(store, tmp_path: Path) -> None:
    without = {"step": [0, 1, 10], "loss": [9.0, 7.0, 6.0]}
    for seed in (0, 1):
        found = told(2 + seed, without=without, exact=1, near=1 + seed)
        store.cell("random", order=f"r{seed}", seeds=[seed], contamination=found)
    store.cell("nft", order="n", contamination=told())
    board, texts = written(store, tmp_path)
    rows = board.rows.set_index("arrangement")
    logs = [math.log1p(step) for step in (0, 1, 10)]
    area = (16 / 2 * (logs[1] - logs[0]) + 13 / 2 * (logs[2] - logs[1])) / logs[2]
    columns = ["affected", "dropped", "aulc_clean", "loss_final_clean"]
    assert set(columns) <= set(board.rows.columns)
    assert rows.loc["random", columns].tolist() == pytest.approx([2.5, 0, area, 6])
    assert rows.loc["nft", columns].tolist() == pytest.approx([0, 0, rows["aulc"]["nft"], rows["loss_final"]["nft"]])
    (section,) = json.loads((tmp_path / "report" / "leaderboard.json").read_text())["sections"]
    assert section["contamination"] == [NOTHING | {"task": HOSTILE, "exact": 1, "near": 2}]
    note = "Contamination: of 10 scored examples the pool has 2 to 3 too (1 exactly, 2 nearly)."
    assert note in section["notes"]
    assert all(note.replace("(", "(") in text for text in texts.values())
    page = texts["index.html"]
    assert "Scored examples that the pool has too, by task" in page
    assert HOSTILE not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_what_was_dropped(store, tmp_path: Path) -> None:
    store.cell("random", contamination=told(dropped=7))
    board, texts = written(store, tmp_path)
    assert board.rows["dropped"].tolist() == [7]
    assert all("Dropped from the pool, for the evaluation has them too: 7 examples." in text for text in texts.values())
    assert "aulc_clean" not in [column.key for column in board.sections[0].columns]  # it is aulc


def test_everything_is_affected(store, tmp_path: Path) -> None:
    store.cell("random", contamination=told(10, without={"step": [], "loss": []}, exact=10))
    board, _ = written(store, tmp_path)
    assert board.rows[["aulc_clean", "loss_final_clean"]].isna().all(axis=None)


def test_cells_from_before_the_guard(store, tmp_path: Path) -> None:
    store.cell("random")
    board, texts = written(store, tmp_path)
    assert board.rows[["affected", "dropped", "aulc_clean", "loss_final_clean"]].isna().all(axis=None)
    assert "Contamination" not in texts["leaderboard.md"]
