"""The words of the world: what each attribute can be, and how names are invented."""

from __future__ import annotations

from .draws import Draws

LEXICONS: dict[str, tuple[str, ...]] = {
    "colour": (
        "red", "blue", "green", "yellow", "purple", "white",
        "black", "brown", "grey", "pink", "crimson", "golden",
    ),
    "food": (
        "honey", "barley", "onions", "plums", "cheese", "mushrooms",
        "olives", "walnuts", "pears", "lentils", "pepper", "herring",
    ),
    "material": (
        "oak", "copper", "bone", "marble", "clay", "bronze",
        "slate", "iron", "glass", "wicker", "granite", "leather",
    ),
    "weather": (
        "fog", "rain", "snow", "hail", "thunder", "drizzle",
        "sunshine", "frost", "sleet", "wind", "haze", "heat",
    ),
    "craft": (
        "baker", "potter", "weaver", "miller", "tailor", "sailor",
        "mason", "hunter", "painter", "brewer", "shepherd", "carpenter",
    ),
    "mood": (
        "cheerful", "gloomy", "proud", "nervous", "sleepy", "stubborn",
        "gentle", "jealous", "patient", "restless", "bold", "shy",
    ),
    "place": (
        "desert", "marsh", "forest", "valley", "coast", "river",
        "lake", "canyon", "moor", "glacier", "lagoon", "plateau",
    ),
    "animal": (
        "dog", "goat", "raven", "hare", "fox", "donkey",
        "heron", "beetle", "badger", "swan", "wolf", "lizard",
    ),
}  # fmt: skip
"""Twelve values for each attribute. No word belongs to two attributes."""

_ONSETS = ("b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z", "br", "dr", "gr", "kr", "tr")
_VOWELS = ("a", "e", "i", "o", "u")
_CODAS = ("l", "m", "n", "r", "s", "th", "nd", "rk")


def invented_name(draws: Draws) -> str:
    """Return a two-syllable name such as ``Brenok``; there are about 150,000 of them."""
    first = draws.pick(_ONSETS) + draws.pick(_VOWELS)
    second = draws.pick(_ONSETS[:14]) + draws.pick(_VOWELS) + draws.pick(_CODAS)
    return (first + second).capitalize()
