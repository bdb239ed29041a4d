"""Short notes about labels and readings: what the letter and number tasks work on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .draws import Draws

CARRIERS = ("badge", "crate", "locker", "ticket")
"""What the letters or digits are written on; the domains of the two far realms."""

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXY"  # without Z: every letter has a next one


@dataclass(frozen=True)
class Note:
    """A note with the symbols that it gives.

    Attributes:
        text: One or two sentences.
        symbols: Three different letters, or three different digits.
    """

    text: str
    symbols: tuple[str, ...]


def _note(draws: Draws, carrier: str, symbols: Sequence[str], word: str) -> Note:
    number = 10 + draws.below(90)
    room = 10 + draws.below(90)
    shape = draws.pick(
        (
            "Inventory of room {room}, {carrier} {number}: the {word} on it are {symbols}.",
            "{Carrier} {number} was checked in room {room}. It shows the {word} {symbols}.",
            "On {carrier} {number}, stored in room {room}, one can read the {word} {symbols}.",
        )
    )
    text = shape.format(
        carrier=carrier,
        Carrier=carrier.capitalize(),
        number=number,
        room=room,
        word=word,
        symbols=" ".join(symbols),
    )
    return Note(text, tuple(symbols))


def letters_note(draws: Draws, carrier: str) -> Note:
    """Write a note that gives three different capital letters."""
    return _note(draws, carrier, draws.sample(_LETTERS, 3), "letters")


def digits_note(draws: Draws, carrier: str) -> Note:
    """Write a note that gives three different digits from 1 to 9."""
    return _note(draws, carrier, draws.sample("123456789", 3), "digits")


def _next_letter(letter: str) -> str:
    return chr(ord(letter) + 1)


OPERATIONS: Mapping[str, Callable[[Sequence[str]], str]] = {
    "reversal": lambda symbols: "-".join(reversed(symbols)),
    "alphabet": lambda symbols: "-".join(sorted(symbols)),
    "successor": lambda symbols: "-".join(map(_next_letter, symbols)),
    "rotation": lambda symbols: "-".join([*symbols[1:], symbols[0]]),
    "ascending": lambda symbols: "<".join(sorted(symbols)),
    "total": lambda symbols: f"= {sum(map(int, symbols))}",
    "gap": lambda symbols: f"= {int(max(symbols)) - int(min(symbols))}",
}
"""What each far family does with the symbols of a note; the value is the answer."""
