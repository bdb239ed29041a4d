"""How each family puts its request. Seen and unseen tasks never share a wording."""

from __future__ import annotations

from collections.abc import Mapping

STORY_FRAMES = (
    "{passage} What {key} is named in this text?",
    "{passage}\nQuestion: which {key} does the text mention?",
    "Read this. {passage} Give the {key}.",
)
"""Wordings for seen tasks that all story families share, apart from the key word."""

STORY_SEEN: Mapping[str, tuple[str, ...]] = {
    "colour": (
        "{passage} Which colour would a picture of {name} need?",
        "What colour goes with this {noun}? {passage}",
    ),
    "food": (
        "{passage} Which food is linked with {name}?",
        "What food does one think of with this {noun}? {passage}",
    ),
    "material": (
        "{passage} Which material was used, as told of {name}?",
        "What material is part of the story of this {noun}? {passage}",
    ),
    "weather": (
        "{passage} Which weather is spoken of with {name}?",
        "What kind of weather belongs to this {noun}? {passage}",
    ),
    "craft": (
        "{passage} Which craft did the person linked with {name} learn?",
        "Somebody's craft is told about this {noun}. What is it? {passage}",
    ),
    "mood": (
        "{passage} Which mood comes up in the account of {name}?",
        "What mood fits the account of this {noun}? {passage}",
    ),
    "place": (
        "{passage} Which kind of place has to do with {name}?",
        "What place is tied to this {noun}? {passage}",
    ),
    "animal": (
        "{passage} Which animal appears in the tale of {name}?",
        "What animal has to do with this {noun}? {passage}",
    ),
}
"""Wordings for seen tasks that belong to one story family."""

STORY_UNSEEN: Mapping[str, tuple[str, ...]] = {
    "colour": (
        "Here is a note on {name}. {passage} State its colour in one word.",
        "{passage}\nThe colour that a painter of this {noun} should buy:",
        "A child wants to draw {name}. {passage} Tell the child the colour.",
    ),
    "food": (
        "Here is a note on {name}. {passage} State the food in one word.",
        "{passage}\nThe food that a guest of this {noun} should expect:",
        "A cook wonders about {name}. {passage} Tell the cook the food.",
    ),
    "material": (
        "Here is a note on {name}. {passage} State the material in one word.",
        "{passage}\nThe material that a repairer of this {noun} should bring:",
        "A builder studies {name}. {passage} Tell the builder the material.",
    ),
    "weather": (
        "Here is a note on {name}. {passage} State the weather in one word.",
        "{passage}\nThe weather that a visitor of this {noun} should prepare for:",
        "A guide asks about {name}. {passage} Tell the guide the weather.",
    ),
}
"""Wordings for unseen tasks; only these four families have any."""

CODE_SEEN: Mapping[str, tuple[str, ...]] = {
    "reversal": (
        "{passage} Write the letters backwards, with hyphens.",
        "{passage}\nSpell this {noun} code from last to first.",
        "Reverse the code. {passage}",
    ),
    "alphabet": (
        "{passage} Put the letters in alphabetical order, with hyphens.",
        "{passage}\nSort this {noun} code from A to Z.",
        "Arrange the code alphabetically. {passage}",
    ),
    "successor": (
        "{passage} Replace each letter by the next one in the alphabet.",
        "{passage}\nShift this {noun} code forward by one letter.",
        "Encode every letter as its successor. {passage}",
    ),
    "rotation": (
        "{passage} Move the first letter to the end, with hyphens.",
        "{passage}\nRotate this {noun} code to the left by one.",
        "Turn the code so that its second letter leads. {passage}",
    ),
    "ascending": (
        "{passage} Sort the digits from small to large.",
        "{passage}\nOrder the digits of this {noun}, least first.",
        "Make the digits rise. {passage}",
    ),
    "total": (
        "{passage} Add the three digits.",
        "{passage}\nCompute the sum of the digits of this {noun}.",
        "How much is it when all digits are added? {passage}",
    ),
    "gap": (
        "{passage} Subtract the least digit from the greatest.",
        "{passage}\nCompute how far apart the digits of this {noun} lie.",
        "Measure the span from lowest to highest digit. {passage}",
    ),
}
"""Wordings of the letter and number families, which have seen tasks only."""
