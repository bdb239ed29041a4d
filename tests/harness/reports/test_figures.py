"""Figures: the right ones, readable without colour, the same bytes again, and no text of others acts in them."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest

from zsg_harness.reports import Leaderboard, build
from zsg_harness.reports.figures import draw_figures
from zsg_harness.reports.figures.drawing import MOST_PENS, pens
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


def test_every_figure_that_the_rows_allow(store, tmp_path: Path) -> None:
    files = draw_figures(leaderboard(store, tmp_path, NAMES))
    kinds = {name.removeprefix("figures/1-toy-tiny-all-").partition(".")[0] for name in files}
    assert kinds == {"loss", "difference", "tasks", "nft-rt-fft", "tma", "turns", "granularity"}
    assert {name.rpartition(".")[2] for name in files} == {"svg", "png"}
    for name, data in files.items():
        if name.endswith(".png"):
            assert data.startswith(b"\x89PNG")
        else:
            assert ElementTree.fromstring(data).tag.endswith("svg")


def test_without_random_and_with_one_task(store, tmp_path: Path) -> None:
    store.cell("nft", {"a": [9.0, 5.0, 4.0]})
    store.plan()
    files = draw_figures(build(Store(store.path), tmp_path))
    assert sorted(files) == ["figures/1-toy-tiny-all-loss.png", "figures/1-toy-tiny-all-loss.svg"]


def test_the_same_leaderboard_gives_the_same_bytes(store, tmp_path: Path) -> None:
    store.cell("nft", {"a": [9.0, 5.0, 4.0]})
    store.plan()
    board = build(Store(store.path), tmp_path)
    assert draw_figures(board) == draw_figures(board)


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
    files = draw_figures(leaderboard(store, tmp_path, [HOSTILE, HOSTILE + "2"]))
    for name, data in files.items():
        if name.endswith(".svg"):
            tags = {element.tag.rpartition("}")[2] for element in ElementTree.fromstring(data).iter()}
            assert "script" not in tags
            assert len(data) < 2_000_000
