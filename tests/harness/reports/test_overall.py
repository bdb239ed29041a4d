"""Mean ranks over sections, and what the reports tell of them and of how far to trust them."""

from __future__ import annotations

import html
import json
from pathlib import Path

import pytest

from zsg_harness.reports import build, simulated
from zsg_harness.reports.board import assemble
from zsg_harness.reports.collect import collect
from zsg_harness.reports.page import page
from zsg_harness.store.store import Store

ORDER_SEEDED = {"data": None, "order": 0, "train": None}
RECORDED = Path(__file__).parents[3] / "benchmarks" / "results" / "verdicts.json"


def fill(store, dataset: str, **heights: float) -> None:
    for seed in range(5):
        height = 5 + seed / 100
        store.cell("random", [height] * 3, order=f"r{seed}", seeds=[seed], streams=ORDER_SEEDED, dataset=dataset)
    for name, height in heights.items():
        store.cell(name, [height] * 3, order=name, dataset=dataset, embedder="minilm")


def test_mean_ranks_are_among_those_that_every_section_has(store, tmp_path) -> None:
    fill(store, "one", near=4.0, far=6.0, lone=3.0)
    fill(store, "two", near=4.0, far=5.0)
    fill(store, "three", near=5.5, far=4.0)
    board = build(Store(store.path), tmp_path)
    found = {each.arrangement: each for each in board.overall}
    assert list(found) == ["near", "far", "random"]
    assert {name: sorted(each.ranks) for name, each in found.items()} == {
        "near": [1, 1, 3], "far": [1, 2, 3], "random": [2, 2, 3],
    }  # fmt: skip
    assert found["near"].mean_rank == pytest.approx(5 / 3)
    assert (found["near"].better, found["near"].worse, found["near"].embedder) == (2, 1, "minilm")
    assert found["near"].win_rate == pytest.approx(2 / 3)
    document = json.loads((tmp_path / "leaderboard.json").read_text())
    assert [each["arrangement"] for each in document["overall"]] == list(found)
    assert document["overall"][-1]["win_rate"] is None
    for name in ("leaderboard.md", "index.html"):
        assert "Over all tables" in (tmp_path / name).read_text()


def test_a_single_section_has_no_mean_ranks(store) -> None:
    fill(store, "one", near=4.0, far=6.0)
    assert not assemble(collect(Store(store.path))).overall


def test_the_page_tells_what_was_simulated(store) -> None:
    """The figures in the package are those of the recorded benchmark."""
    assert json.loads(simulated.FILE.read_text()) == simulated.summary(json.loads(RECORDED.read_text()))
    fill(store, "one", near=4.0)
    told = html.unescape(page(assemble(collect(Store(store.path)))))
    assert all(sentence in told for sentence in simulated.sentences())


def test_what_was_simulated_is_what_was_aimed_at() -> None:
    recorded = json.loads(RECORDED.read_text())
    assert recorded["simulations"] >= 2000
    for each in recorded["designs"]:
        assert 0.93 <= each["coverage"] <= 0.97
        assert 0.93 <= each["coverage_sources"] <= 0.97
        assert max(each["false_better"], each["false_better_of_8_holm"]) <= 0.055
        assert each["outside"] <= 0.065  # one in twenty is
    assert {each["false_better_of_8"] for each in recorded["few"]} == {0.0}
    assert all(each["found"] >= 0.9 for each in recorded["power"])


def test_random_with_another_seed_is_in_randoms_group(store) -> None:
    """The fault injected on purpose: an arrangement that is no other than random, beside one that is."""
    heights = [5.0, 5.04, 4.98, 5.01, 4.97, 5.02]
    for seed, height in enumerate(heights[:5]):
        store.cell("random", [height] * 3, order=f"r{seed}", seeds=[seed], streams=ORDER_SEEDED)
    store.cell("impostor", [heights[5]] * 3, order="i", seeds=[0, 1, 2, 3, 4])
    store.cell("near", [4.0] * 3, order="n")
    board = assemble(collect(Store(store.path)))
    rows = board.rows.set_index("arrangement")
    assert rows["tie_group"].to_dict() == {"near": 1, "random": 2, "impostor": 2}
    assert rows["verdict"]["impostor"] == rows["verdict_holm"]["impostor"] == "tie"
    assert rows["p_holm"]["impostor"] > 0.05
    assert "Group 2 is random's: all that is not told apart from it." in board.sections[0].notes
