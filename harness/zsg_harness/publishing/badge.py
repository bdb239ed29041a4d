"""A badge for a plugin's README: how its arrangement did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from zsg_harness.publishing.badge_picture import NEUTRAL, picture
from zsg_harness.reports.formatting import LOSS_DIGITS, number
from zsg_registry import ZsgError, did_you_mean

_COLOURS: Final = {"better": "#00704F", "worse": "#B34700", "tie": "#555555", "reference": "#555555"}
"""White text has a contrast of at least 4.5 on each. The words say the same as the colours."""

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
        values = {axis: dict.fromkeys(row[axis] for row in found) for axis in _PLACES}
        options = [
            f"--{axis} {' or '.join(repr(value) for value in each if value is not None)}"
            for axis, each in values.items()
            if len(each) > 1
        ]
        raise ZsgError(f"{arrangement!r} has {len(found)} rows: choose one by {', '.join(options)}")
    return found[0]


def badge(rows: Sequence[Mapping[str, Any]], row: Mapping[str, Any]) -> str:
    """The badge of a row among the rows of its leaderboard."""
    rivals = [other for other in rows if all(other[axis] == row[axis] for axis in _PLACES[:3])]
    said = message(row, len(rivals))
    title = f"{row['arrangement']} on {row['dataset']}, {row['model']}, budget {row['budget']}: {said}"
    return picture(str(row["arrangement"]), said, title, _COLOURS.get(_word(row), NEUTRAL))


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
