"""The badge: it says what the row says, and nothing in a name takes effect."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree

import pytest

from zsg_harness.publishing.badge import badge, choose_row, message
from zsg_registry import ZsgError

SVG = "{http://www.w3.org/2000/svg}"


def row(arrangement: str = "nft", **entries: Any) -> dict[str, Any]:
    place = {"dataset": "p3", "model": "tiny", "budget": "all", "embedder": None}
    figures = {"rank": 2, "delta_vs_random": -0.12345, "verdict": "better"}
    return {"arrangement": arrangement, **place, **figures, **entries}


def texts(rows: list[dict[str, Any]], of: dict[str, Any]) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(badge(rows, of)).iter(f"{SVG}text")]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ({}, "#2 of 3 · −0.123 · better than random"),
        ({"verdict": "worse", "delta_vs_random": 0.5}, "#2 of 3 · +0.500 · worse than random"),
        ({"verdict": "tie", "delta_vs_random": 0.0}, "#2 of 3 · 0.000 · ties with random"),
        ({"verdict": "undecided (3 replicates)"}, "#2 of 3 · −0.123 · undecided"),
        ({"verdict": "undecided (no random)", "delta_vs_random": None}, "#2 of 3 · undecided"),
        ({"verdict": "reference", "delta_vs_random": None}, "#2 of 3 · the reference"),
        ({"rank": None, "verdict": "undecided (no random)", "delta_vs_random": None}, "not ranked · undecided"),
    ],
)
def test_it_says_rank_difference_and_verdict(entries: dict[str, Any], said: str) -> None:
    assert message(row(**entries), 3) == said


def test_rivals_are_those_it_is_ranked_against() -> None:
    rows = [row(), row("random"), row(dataset="niv2"), row("fft", model="other")]
    assert texts(rows, rows[0]) == ["nft", "#2 of 2 · −0.123 · better than random"]


def test_a_name_is_text() -> None:
    hostile = "</text><script>alert(1)</script>\x1b\u202e" + "x" * 10_000
    rows = [row(hostile)]
    picture = badge(rows, rows[0])
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(picture).iter()}
    assert tags == {"svg", "title", "clipPath", "rect", "g", "text"}
    assert texts(rows, rows[0])[0] == hostile.replace("\x1b\u202e", "")[:39] + "…"
    assert float(ElementTree.fromstring(picture).attrib["width"]) < 700


def test_one_of_several_rows_is_chosen() -> None:
    rows = [row(), row(dataset="niv2"), row("random")]
    assert choose_row(rows, "nft", {"dataset": "niv2"}) is rows[1]
    with pytest.raises(ZsgError, match=r"^'nft' has 2 rows: choose one by --dataset 'p3' or 'niv2'$"):
        choose_row(rows, "nft", {})
    with pytest.raises(ZsgError, match="did you mean 'random'"):
        choose_row(rows, "randon", {})
    with pytest.raises(ZsgError, match="no row with dataset 'p4'"):
        choose_row(rows, "nft", {"dataset": "p4"})
