"""How a series is drawn, in every picture: told apart with any colour vision, and in grey."""

from __future__ import annotations

from typing import Final

# Okabe & Ito (2008), *Color universal design*: told apart with any colour vision. Light page, dark page.
PALETTE: Final = (
    ("#0072B2", "#4BA3DB"),
    ("#D55E00", "#EE8139"),
    ("#009E73", "#2DBE94"),
    ("#B5568F", "#D98DBB"),
    ("#C98A00", "#E9B13C"),
    ("#3F9BD1", "#8CCBEF"),
)
RANDOM_COLOUR: Final = ("#6B6B6B", "#A3A3A3")
DASHES: Final = ("solid", "dash", "dot", "dashdot")
SYMBOLS: Final = ("circle", "square", "diamond", "triangle-up", "cross", "triangle-down", "star")


class Style:
    """How a series is drawn: by colour, dash and symbol at once, so that none has to be seen."""

    def __init__(self, position: int, *, is_random: bool) -> None:
        """`position` counts the series of a page that are not random."""
        self.colours = RANDOM_COLOUR if is_random else PALETTE[position % len(PALETTE)]
        self.dash = DASHES[0] if is_random else DASHES[position // len(PALETTE) % len(DASHES)]
        self.symbol = "circle-open" if is_random else SYMBOLS[position % len(SYMBOLS)]
