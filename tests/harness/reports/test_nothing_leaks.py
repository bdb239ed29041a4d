"""What is in a store and in no report: hooks' settings. In no published one: places of this machine, passwords."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zsg_harness.cli import main
from zsg_harness.reports import build
from zsg_harness.store.store import Store

SECRET = "https://chat.example/hooks/T0P5ECRET"
COMMIT = "5f" * 20


def text_of(folder: Path) -> str:
    return "\n".join(path.read_text(errors="replace") for path in sorted(folder.rglob("*")) if path.is_file())


def test_settings_of_hooks_are_in_no_report(store, tmp_path: Path) -> None:
    store.cell("random")
    hooks = {"chat": {"to": SECRET}}
    store.plan(matrix={"matrix": {"name": "m"}, "hooks": hooks, "training": {"batch_size": 16}})
    build(Store(store.path), tmp_path / "report")
    told = text_of(tmp_path / "report")
    assert "T0P5ECRET" not in told
    assert "batch_size = 16" in told  # the rest of the matrix is there to be run again


@pytest.fixture
def published(store, tmp_path: Path) -> tuple[str, list[dict[str, Any]]]:
    """All text of a published leaderboard of cells with local files, and its rows."""
    places = {
        "dataset": "jsonl[path=/home/jane/secret-project/data.jsonl]",
        "model": "/mnt/jane/models/tiny",
    }
    told = {"dataset": {"fingerprint": "ab" * 32}}
    described = {"model": {"use": "/mnt/jane/models/tiny"}, "model_hash": "cd" * 16}
    given: dict[str, Any] = {"told": told, "described": described, **places}
    store.cell("random", order="r", **given)
    store.cell("replay[file=/home/jane/a/order.parquet]", order="a", **given)
    store.cell("replay[file=/home/jane/b/order.parquet]", order="b", **given)
    reason = "FileNotFoundError: /home/jane/secret-project/gone.txt, line 3; see https://me:pa55@host.example/data"
    store.cell("nft", order="n", state="failed", reason=reason, **given)
    matrix = {"name": "m", "datasets": [{"use": "jsonl", "path": "/home/jane/secret-project/data.jsonl"}]}
    store.plan(matrix={"matrix": matrix})
    site = tmp_path / "site"
    assert main(["leaderboard", "publish", "--store", str(store.path), "--to", str(site), "-q"]) == 0
    return text_of(site), json.loads((site / "leaderboard.json").read_text())["rows"]


def test_of_paths_only_the_ends_are_published(published: tuple[str, list[dict[str, Any]]]) -> None:
    told, rows = published
    for secret in ("/home", "jane", "secret-project", "/mnt"):
        assert secret not in told
    assert {row["dataset"] for row in rows} == {"jsonl[path=data.jsonl]"}
    assert {row["model"] for row in rows} == {"tiny (cdcdcdcd)"}
    assert "gone.txt, line 3" in told


def test_paths_that_end_alike_stay_apart(published: tuple[str, list[dict[str, Any]]]) -> None:
    names = {row["arrangement"] for row in published[1]} - {"random"}
    assert len(names) == 2
    assert {name.partition(" ")[0] for name in names} == {"replay[file=order.parquet]"}


def test_passwords_in_urls_are_not_published(published: tuple[str, list[dict[str, Any]]]) -> None:
    assert "pa55" not in published[0]
    assert "https://host.example/data" in published[0]


def test_a_table_holds_no_formula(store, tmp_path: Path) -> None:
    formula, negative = '=HYPERLINK("http://evil.example";"x")', "-2+3+cmd|' /C calc'!A0"
    losses = {formula: [9.0, 6.0, 5.0], negative: [9.0, 6.0, 5.0]}
    store.cell("random", losses, order="r", seeds=[-1])
    store.cell("nft", losses, order="n", embedder="@SUM(A1)")
    store.plan()
    build(
        Store(store.path), tmp_path, added=lambda rows: {"+plugin": ["\t=1+1"] * len(rows), "cost": [-1.5] * len(rows)}
    )
    for name in ("leaderboard.csv", "scores.csv"):
        cells = [cell.strip('"') for line in (tmp_path / name).read_text().splitlines() for cell in line.split(",")]
        assert not [cell for cell in cells if cell[:1] in ("=", "@", "+", "\t")]
        assert not [cell for cell in cells if cell.startswith("-") and not cell.lstrip("-").replace(".", "").isdigit()]
    table = (tmp_path / "leaderboard.csv").read_text()
    assert "'@SUM(A1)" in table
    assert "'+plugin" in table
    assert ",-1.5" in table  # a number is one still
    assert ",-1," in (tmp_path / "scores.csv").read_text()  # and so is a seed
