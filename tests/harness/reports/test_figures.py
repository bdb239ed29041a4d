"""Figures: the right ones, readable without colour, the same bytes again, and no text of others acts in them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from zsg_harness.reports import Leaderboard, build
from zsg_harness.reports.figures import draw_figures
from zsg_harness.reports.figures.drawing import MOST_PENS, pens
from zsg_harness.reports.figures.paper import paper_figures
from zsg_harness.reports.figures.training import chosen
from zsg_harness.reports.series import section_series
from zsg_harness.store.store import Store

NAMES = ["nft", "fft", "coarse", "tma[turns=[0,5]]", "tma[turns=[5,10]]", "tma", "tma[mode=farthest]", "nft | shuffle"]
HOSTILE = "_</text><script>$\\frac{1}{2}$ 東京 --> " + "x" * 10_000


def leaderboard(store, folder: Path, names: list[str]) -> Leaderboard:
    for seed in range(3):
        store.cell("random", {"a": [9.0, 6.0, 5.0 + seed / 10], "b": [9.0, 7.0, 6.0]}, order=f"r{seed}", seeds=[seed])
    for place, name in enumerate(names):
        height = 4 + place / 10
        store.cell(name, {"a": [9.0, 5.0, height], "b": [9.0, 6.5, height]}, order=f"o{place}")
    store.plan()
    return build(Store(store.path), folder)


def test_the_papers_figures_that_the_rows_allow(store, tmp_path: Path) -> None:
    board = leaderboard(store, tmp_path, NAMES)
    (section,) = board.sections
    drawn = dict(paper_figures(section, section_series(board, section)))
    assert {name: len(figure.legends[0].texts) for name, figure in drawn.items()} == {
        "nft-rt-fft": 3, "tma": 3, "granularity": 3, "turns": 3,
    }  # fmt: skip


def test_a_leaderboard_of_one_row_and_task_has_one_figure_and_always_the_same(store, tmp_path: Path) -> None:
    store.cell("nft", {"a": [9.0, 5.0, 4.0]})
    store.plan()
    board = build(Store(store.path), tmp_path)
    files = draw_figures(board)
    assert sorted(files) == ["figures/1-toy-tiny-all-loss.png", "figures/1-toy-tiny-all-loss.svg"]
    assert files["figures/1-toy-tiny-all-loss.png"].startswith(b"\x89PNG")
    assert draw_figures(board) == files


def test_no_two_curves_are_told_apart_by_colour_alone(store, tmp_path: Path) -> None:
    board = leaderboard(store, tmp_path, [f"a{number:02}" for number in range(9)])
    series = section_series(board, board.sections[0])
    told = chosen(series)
    assert [one.name for one in told if not one.is_random] == [*(f"a{number:02}" for number in range(5)), "a08"]
    assert len(told) == MOST_PENS + 1
    drawn = pens(told)
    assert len({pen.marker for pen in drawn}) == len(drawn)
    assert len({str(pen.dashes) for pen in drawn if not pen.is_hollow}) == MOST_PENS


@pytest.mark.filterwarnings("error")
def test_names_are_text(store, tmp_path: Path) -> None:
    files = draw_figures(leaderboard(store, tmp_path, [HOSTILE]))
    pictures = {name.removesuffix(".svg"): data for name, data in files.items() if name.endswith(".svg")}
    assert [name.removeprefix("figures/1-toy-tiny-all-") for name in pictures] == ["loss", "difference", "tasks"]
    for data in pictures.values():
        assert "script" not in {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(data).iter()}
        assert len(data) < 2_000_000
