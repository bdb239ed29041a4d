"""The written files: they read back, they agree, and nothing in a name or a reason takes effect in them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from rich.console import Console

from zsg_harness.reports import Leaderboard, build
from zsg_harness.reports.console import terminal_table
from zsg_harness.store.store import Store

FILES = {
    "leaderboard.csv",
    "scores.csv",
    "scores.parquet",
    "leaderboard.md",
    "leaderboard.tex",
    "leaderboard.json",
    "index.html",
}
INJECTION = "</script><script>alert(1)</script><img src=x onerror=alert(1)> | **b** `c` [d](javascript:e) \x1b[31m"


@pytest.fixture
def board(store, tmp_path) -> Leaderboard:
    for seed, height in enumerate([5.0, 5.2]):
        streams = {"data": None, "order": seed, "train": None}
        store.cell("random", [9.0, 6.0, height], order=f"r{seed}", seeds=[seed], streams=streams, access="none")
    store.cell("tma | zigzag", [9.0, 5.0, 4.5], order="x", embedder="minilm", seeds=[0, 1],
               scores={"rougeL": {"task-a": 31.0, "task-b": 33.0}, "seen_loss": {"task-s": 1.0}})  # fmt: skip
    store.cell("less", order="f", state="failed", reason="the loss is NaN at step 3")
    store.cell("rds+", order="g", state="skipped", reason="needs the extra 'peft'")
    store.plan()
    return build(Store(store.path), tmp_path / "report")


@pytest.fixture
def report(board: Leaderboard, tmp_path: Path) -> Path:
    return tmp_path / "report"


def test_every_format_is_written(report: Path) -> None:
    assert {path.name for path in report.iterdir()} == FILES


def test_csv_reads_back_as_the_rows(board: Leaderboard, report: Path) -> None:
    read = pd.read_csv(report / "leaderboard.csv")
    assert list(read.columns) == list(board.rows.columns)
    for column in read.columns:
        expected = board.rows[column]
        assert read[column].isna().tolist() == expected.isna().tolist()
        assert read[column].dropna().tolist() == expected.dropna().tolist()


def test_missing_limits_are_empty_in_csv_and_null_in_json(report: Path) -> None:
    assert "nan" not in (report / "leaderboard.csv").read_text().lower()
    rows = json.loads((report / "leaderboard.json").read_text())["rows"]
    (single,) = [row for row in rows if row["arrangement"] == "tma | zigzag"]
    assert single["loss_final_low"] is None
    assert single["rouge1"] is None
    assert single["rougeL"] == 32.0


def test_json_is_strict_and_holds_what_made_it(report: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    document = json.loads((report / "leaderboard.json").read_text(), parse_constant=refuse)
    assert document["schema_version"] == 1
    assert document["provenance"] == {"device": ["cpu"], "packages.torch": ["2.0"]}
    assert document["matrices"][0]["matrix"]["training"] == {"batch_size": 16}
    assert [cell["reason"] for cell in document["open"]] == ["the loss is NaN at step 3", "needs the extra 'peft'"]
    assert document["sections"][0]["null_band_aulc"]["mean"] is not None


def test_tidy_scores(report: Path) -> None:
    final = pd.read_csv(report / "scores.csv", dtype={"seed": "str"})
    assert list(final.columns) == [
        "cell", "arrangement", "dataset", "embedder", "model", "budget", "access", "seed", "replicate", "task",
        "metric", "scope", "value", "count",
    ]  # fmt: skip
    assert len(final) == 2 * 2 + 2 + 2 + 1
    ours = final[final["arrangement"] == "tma | zigzag"]
    assert set(ours["seed"]) == {"0, 1"}
    assert ours.set_index(["metric", "task"])["value"].to_dict() == {
        ("loss", "task-a"): 4.5, ("loss", "task-b"): 4.5, ("rougeL", "task-a"): 31.0, ("rougeL", "task-b"): 33.0,
        ("seen_loss", "task-s"): 1.0,
    }  # fmt: skip
    assert set(final.loc[final["metric"] == "seen_loss", "scope"]) == {"seen"}


def test_scores_of_every_step(report: Path) -> None:
    steps = pd.read_parquet(report / "scores.parquet")
    assert len(steps) == 3 * 3 * 2 + 3
    assert set(steps["step"]) == {0, 1, 10}
    assert {"block", "set_hash", "order_hash", "tokens"} <= set(steps.columns)


def test_markdown(report: Path) -> None:
    text = (report / "leaderboard.md").read_text()
    assert text.startswith("# toy-matrix\n\n3 of 5 cells finished, 1 failed, 1 skipped.\n")
    assert "| 1 | 1 | tma \\| zigzag | minilm | answers | 5.400 |" in text
    assert "the loss is NaN at step 3" in text
    assert "zsg-harness run --matrix toy-matrix.toml" in text
    tables = [line for line in text.splitlines() if line.startswith("| 1 ")]
    assert tables[0].replace("\\|", "").count("|") == text.split("| #")[1].splitlines()[0].count("|") + 1


def test_writing_again_gives_the_same_bytes(board: Leaderboard, store, report: Path, tmp_path: Path) -> None:
    build(Store(store.path), tmp_path / "again")
    for name in FILES:
        assert (tmp_path / "again" / name).read_bytes() == (report / name).read_bytes()


def test_no_finished_cell(store, tmp_path: Path) -> None:
    store.cell("less", state="failed", reason="out of memory")
    store.plan()
    board = build(Store(store.path), tmp_path / "report")
    assert board.rows.empty
    assert len(pd.read_csv(tmp_path / "report" / "leaderboard.csv")) == 0
    for name in ("leaderboard.md", "index.html"):
        text = (tmp_path / "report" / name).read_text()
        assert "No cell has finished" in text
        assert "out of memory" in text
    assert "No cell has finished." in terminal(board)


def test_a_store_without_any_cell(store, tmp_path: Path) -> None:
    store.plan()
    assert build(Store(store.path), tmp_path / "report").state == "0 of 0 cells finished"


def test_names_and_reasons_are_inert(store, tmp_path: Path) -> None:
    """What a plugin or a dataset calls itself is text, in every format."""
    store.cell("random", order="r")
    store.cell(INJECTION, {INJECTION: [9.0, 6.0, 5.0]}, order="x", embedder=INJECTION, dataset="toy")
    store.cell("gone", order="y", state="failed", reason=INJECTION)
    store.plan(matrix={"matrix": {"name": INJECTION + "\n```\n"}})
    board = build(Store(store.path), tmp_path / "report")
    page = (tmp_path / "report" / "index.html").read_text()
    assert "alert(1)" in page
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    text = (tmp_path / "report" / "leaderboard.md").read_text()
    prose, *_ = text.split("## How to reproduce")
    assert "<script" not in prose
    assert "<img" not in prose
    assert "[d](" not in prose
    assert "| **b**" not in prose
    assert "````toml" in text
    assert "\x1b[31m" not in terminal(board)


def test_the_terminal_table(board: Leaderboard) -> None:
    text = terminal(board)
    row = next(line for line in text.splitlines() if line.startswith("1 "))
    # Random: 6.078130 and 6.149224, so s = 0.050271 and the margin is 12.706205 · s · √(1 + 1/2).
    assert row.split() == [
        "1",
        "1",
        "tma",
        "|",
        "zigzag",
        "5.400",
        "−0.713",
        "±0.782",
        "undecided",
        "4.500",
        "32.00",
        "1.000",
        "1",
    ]
    assert "failed: less on toy: the loss is NaN at step 3" in text


def test_a_narrow_terminal_breaks_names_not_figures(board: Leaderboard) -> None:
    text = terminal(board, width=70)
    assert "…" not in text
    assert "±0.782" in text


def terminal(board: Leaderboard, width: int = 160) -> str:
    console = Console(width=width, force_terminal=False)
    with console.capture() as capture:
        console.print(terminal_table(board))
    return capture.get()


def test_who_sees_nothing_is_no_oracle(store, tmp_path: Path) -> None:
    oracle = {"oracle": True}
    store.cell("random", order="r", access="none", described=oracle)
    store.cell("nft", order="n", described=oracle)
    store.plan()
    board = build(Store(store.path), tmp_path / "report")
    assert dict(zip(board.rows["arrangement"], board.rows["oracle"], strict=True)) == {"random": False, "nft": True}


def test_a_row_that_lacks_a_draw_is_told_of(store, tmp_path: Path) -> None:
    for seed, loss in enumerate([5.0, 5.1, 11.0]):
        streams = {"data": seed, "order": seed, "train": None}
        options = {"seeds": [seed], "block": f"b{seed}", "streams": streams}
        store.cell("random", [12.0, loss, loss], order=f"r{seed}", **options)
        if seed < 2:
            store.cell("nft", [12.0, loss + 1, loss + 1], order=f"n{seed}", **options)
    store.plan()
    (section,) = build(Store(store.path), tmp_path / "report").sections
    assert section.lines["arrangement"].iloc[0] == "nft", "its mean is of the two draws that went well"
    assert any(note.startswith("nft has not finished in 1 of 3 blocks") for note in section.notes)
