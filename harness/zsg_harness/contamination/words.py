"""What a text says apart from how it is written: its words, without case, punctuation and white space."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

_WORD: Final = re.compile(r"""[^\s!"#%&'()*,./:;?@\[\\\]_{}$+<=>^`|~-]+|[$+<=>^`|~]|[-*/%](?=\s*\d)""")
"""Anything between ASCII's punctuation and symbols; a symbol; a sign of arithmetic."""


def words(text: str) -> list[str]:
    """The words of a text, alike for texts that differ in case, white space or punctuation alone.

    A symbol is a word of its own, and so is a sign of arithmetic before a number: `3 - 5` is not `3 / 5`.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text).casefold()
        for character in filter(_is_mark, set(text)):
            text = text.replace(character, f" {character} " if unicodedata.category(character)[0] == "S" else " ")
    return _WORD.findall(text.lower())


def shingles(tokens: Sequence[str]) -> list[str]:
    """The distinct words and pairs of neighbours of a text.

    Short as they are, a changed word costs three of them however long the text is.
    """
    return list(dict.fromkeys([*tokens, *map(" ".join, pairwise(tokens))]))


def _is_mark(character: str) -> bool:
    """Whether it is punctuation or a symbol that ASCII does not have."""
    return not character.isascii() and unicodedata.category(character)[0] in "PS"
