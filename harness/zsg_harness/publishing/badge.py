"""A badge for a plugin's README: how its arrangement did, as a small SVG without script or outside parts."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any, Final

from zsg_harness.reports.formatting import LOSS_DIGITS, number
from zsg_harness.templates import templates
from zsg_registry import ZsgError, did_you_mean

_COLOURS: Final = {"better": "#00704F", "worse": "#B34700", "tie": "#555555", "reference": "#555555"}
"""White text has a contrast of at least 4.5 on each. The words say the same as the colours."""

_UNDECIDED: Final = "#00568A"
_LONGEST: Final = 40
_PLACES: Final = ("dataset", "model", "budget", "embedder")


def choose_row(rows: Sequence[Mapping[str, Any]], arrangement: str, place: Mapping[str, str]) -> Mapping[str, Any]:
    """The row of a leaderboard that a badge is for.

    Args:
        rows: Of the leaderboard, as in `leaderboard.json`.
        arrangement: Its label.
        place: Where: values of some of `dataset`, `model`, `budget` and `embedder`.

    Raises:
        ZsgError: There is none, or there are several.
    """
    named = [row for row in rows if row["arrangement"] == arrangement]
    if not named:
        known = [str(row["arrangement"]) for row in rows]
        raise ZsgError(f"no arrangement {arrangement!r} in this leaderboard{did_you_mean(arrangement, known)}")
    found = [row for row in named if all(row[axis] == value for axis, value in place.items())]
    if not found:
        asked = ", ".join(f"{axis} {value!r}" for axis, value in place.items())
        raise ZsgError(f"{arrangement!r} has no row with {asked}")
    if len(found) > 1:
        axes = [axis for axis in _PLACES if len({row[axis] for row in found}) > 1]
        options = " or ".join(f"--{axis} {found[0][axis]!r}" for axis in axes if found[0][axis] is not None)
        raise ZsgError(f"{arrangement!r} has {len(found)} rows: choose one by {options}")
    return found[0]


def badge(rows: Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> str:
    """The badge of a row among the rows of its leaderboard."""
    rivals = [other for other in rows if all(other[axis] == row[axis] for axis in _PLACES[:3])]
    name = _short(str(row["arrangement"]))
    said = message(row, len(rivals))
    widths = [round(_width(text)) + 12 for text in (name, said)]
    return (
        templates("zsg_harness.publishing")
        .get_template("badge.svg.j2")
        .render(
            name=name,
            message=said,
            title=_shown(f"{row['arrangement']} on {row['dataset']}, {row['model']}, budget {row['budget']}: {said}"),
            left=widths[0],
            right=widths[1],
            colour=_COLOURS.get(_word(row), _UNDECIDED),
        )
    )


def message(row: Mapping[str, Any], rivals: int) -> str:
    """What is said of a row: its rank, and its difference to random with the verdict on it."""
    rank = f"#{row['rank']} of {rivals}" if row["rank"] is not None else "not ranked"
    word = _word(row)
    if word == "reference":
        return f"{rank} · the reference"
    if row["delta_vs_random"] is None:
        return f"{rank} · {word}"
    difference = number(float(row["delta_vs_random"]), LOSS_DIGITS, signed=True)
    told = {"better": "better than random", "worse": "worse than random", "tie": "ties with random"}
    return f"{rank} · {difference} · {told.get(word, word)}"


def _word(row: Mapping[str, Any]) -> str:
    return str(row["verdict"]).partition(" ")[0]


def _shown(text: str) -> str:
    """Text without what cannot be seen, of which XML forbids some."""
    return "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Cs"))


def _short(name: str) -> str:
    shown = _shown(name)
    return shown if len(shown) <= _LONGEST else shown[: _LONGEST - 1] + "…"


def _width(text: str) -> float:
    """About how wide a text is in 11 px of a sans-serif font; the picture stretches it to fit exactly."""
    wide = sum(unicodedata.east_asian_width(char) in "WF" for char in text)
    narrow = sum(char in " .,:;|!'ijl[]()" for char in text)
    return 11 * wide + 3.9 * narrow + 6.8 * (len(text) - wide - narrow)
