"""A badge as a picture: a name and what is said of it, as a small SVG without script or outside parts."""

from __future__ import annotations

import unicodedata
from typing import Final

from zsg_harness.templates import templates

NEUTRAL: Final = "#00568A"
"""Of a badge that judges nothing. White text has a contrast of at least 4.5 on it."""

_LONGEST: Final = 40


def picture(name: str, message: str, title: str, colour: str = NEUTRAL) -> str:
    """The SVG.

    Args:
        name: What it is about, on the left; cut where it is long.
        message: What is said of it, on the right.
        title: The whole of it, for those who hear the page.
        colour: Behind the message; white text must be legible on it.
    """
    shown = _short(name)
    left, right = (round(_width(text)) + 12 for text in (shown, message))
    template = templates("zsg_harness.publishing").get_template("badge.svg.j2")
    return template.render(name=shown, message=message, title=_shown(title), left=left, right=right, colour=colour)


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
