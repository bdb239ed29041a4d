"""Short passages about invented subjects: each says three things, of three different kinds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .draws import Draws
from .lexicons import LEXICONS, invented_name

ATTRIBUTES = tuple(LEXICONS)

PREDICATES: Mapping[str, Mapping[str, str]] = {
    "creature": {
        "colour": "has {x} fur",
        "food": "lives on {x}",
        "material": "builds its nest of {x}",
        "weather": "comes out in {x}",
        "craft": "was raised by a {x}",
        "mood": "is {x} by nature",
        "place": "comes from the {x}",
        "animal": "hides from any {x}",
    },
    "ship": {
        "colour": "has a {x} hull",
        "food": "carries {x}",
        "material": "has a mast of {x}",
        "weather": "sails best in {x}",
        "craft": "is commanded by a {x}",
        "mood": "has a {x} crew",
        "place": "was built near the {x}",
        "animal": "keeps a {x} on board",
    },
    "village": {
        "colour": "has a {x} chapel",
        "food": "trades in {x}",
        "material": "has a bridge of {x}",
        "weather": "is known for its {x}",
        "craft": "is led by a {x}",
        "mood": "has {x} people",
        "place": "lies beside the {x}",
        "animal": "has a {x} on its seal",
    },
    "traveller": {
        "colour": "wears a {x} cloak",
        "food": "never goes without {x}",
        "material": "leans on a staff of {x}",
        "weather": "sets out only in {x}",
        "craft": "once worked as a {x}",
        "mood": "has a {x} temper",
        "place": "was born by the {x}",
        "animal": "is followed by a {x}",
    },
    "inn": {
        "colour": "has a {x} door",
        "food": "serves {x}",
        "material": "has tables of {x}",
        "weather": "fills up in {x}",
        "craft": "is kept by a {x}",
        "mood": "has {x} guests",
        "place": "stands by the {x}",
        "animal": "is named after a {x}",
    },
    "tower": {
        "colour": "flies a {x} flag",
        "food": "stores {x}",
        "material": "has a stair of {x}",
        "weather": "hums in {x}",
        "craft": "was planned by a {x}",
        "mood": "has a {x} guard",
        "place": "looks over the {x}",
        "animal": "is home to a {x}",
    },
    "caravan": {
        "colour": "follows a {x} banner",
        "food": "sells {x}",
        "material": "has wheels of {x}",
        "weather": "halts in {x}",
        "craft": "is guided by a {x}",
        "mood": "has a {x} leader",
        "place": "crosses the {x}",
        "animal": "travels with a {x}",
    },
    "island": {
        "colour": "has a {x} beach",
        "food": "is rich in {x}",
        "material": "has a jetty of {x}",
        "weather": "vanishes in {x}",
        "craft": "is owned by a {x}",
        "mood": "has a {x} ruler",
        "place": "faces the {x}",
        "animal": "is shaped like a {x}",
    },
}
"""What a subject of each domain can be said to do or have; ``{x}`` is a word of the attribute's lexicon."""

DOMAINS = tuple(PREDICATES)


@dataclass(frozen=True)
class Passage:
    """A passage with what it says.

    Attributes:
        text: The passage, two or three sentences.
        name: The invented name of its subject.
        domain: What the subject is, such as ``ship``.
        facts: The word given for each attribute that the passage mentions.
    """

    text: str
    name: str
    domain: str
    facts: Mapping[str, str]


def with_article(noun: str) -> str:
    """Return the noun after ``a`` or ``an``."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def draw_facts(draws: Draws, attribute: str) -> dict[str, str]:
    """Draw a word for an attribute and for two others, in random order.

    Args:
        draws: Where randomness comes from.
        attribute: The attribute that must be among the three.

    Returns:
        Three attributes with their words, in the order in which they are to be told.
    """
    others = [other for other in ATTRIBUTES if other != attribute]
    told = draws.sample([attribute, *draws.sample(others, 2)], 3)
    return {kind: draws.pick(LEXICONS[kind]) for kind in told}


def tell(draws: Draws, domain: str, attribute: str) -> Passage:
    """Write a passage that mentions an attribute among two others.

    Args:
        draws: Where randomness comes from.
        domain: What the passage is about.
        attribute: The attribute it has to mention.

    Returns:
        The passage.
    """
    name = invented_name(draws)
    facts = draw_facts(draws, attribute)
    first, second, third = (PREDICATES[domain][kind].format(x=word) for kind, word in facts.items())
    shape = draws.pick(
        (
            "{name} is {noun} that {first}. It is said that {name} {second}. The {bare} also {third}.",
            "The {bare} called {name} {first}. People add that {name} {second}. Besides, {name} {third}.",
            "{name} is {noun}. The {bare} {first} and {second}. In addition, {name} {third}.",
        )
    )
    text = shape.format(name=name, noun=with_article(domain), bare=domain, first=first, second=second, third=third)
    return Passage(text, name, domain, facts)
