"""Readability formulas of English text, each from counts of sentences, words, syllables and letters."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_SENTENCE_END: Final = re.compile(r"[.!?…]+(?=\s|$)|\n{2,}")
_VOWELS: Final = re.compile(r"[aeiouy]+")
_SILENT_END: Final = re.compile(r"(?<=[^aeiouy])(?:es|ed|e)$")
_SPOKEN_END: Final = re.compile(r"(?:[^aeiouy]le|[td]ed|(?:[sxzcg]|[cs]h)es)$")


class Counts(NamedTuple):
    """What the formulas are made of. A text without words has no readability."""

    sentences: int
    words: int
    syllables: int
    letters: int


def count(text: str) -> Counts:
    """Count a text. What follows the last full stop is a sentence too."""
    words = _WORD.findall(text)
    sentences = sum(bool(_WORD.search(part)) for part in _SENTENCE_END.split(text))
    return Counts(sentences, len(words), sum(map(syllables, words)), sum(map(len, words)))


def syllables(word: str) -> int:
    """The syllables of an English word, about: its groups of vowels, without a silent end."""
    lower = word.lower()
    groups = len(_VOWELS.findall(lower))
    is_silent = _SILENT_END.search(lower) is not None and _SPOKEN_END.search(lower) is None
    return max(1, groups - is_silent)


def flesch(text: Counts) -> float:
    """Minus Flesch's reading ease (Flesch 1948), so that more is harder: -100 is very easy, 0 is very hard."""
    return -(206.835 - 1.015 * text.words / text.sentences - 84.6 * text.syllables / text.words)


def kincaid(text: Counts) -> float:
    """The Flesch-Kincaid grade (Kincaid et al. 1975): years of school in the United States."""
    return 0.39 * text.words / text.sentences + 11.8 * text.syllables / text.words - 15.59


def ari(text: Counts) -> float:
    """The automated readability index (Senter and Smith 1967): a grade as well, from letters instead of syllables."""
    return 4.71 * text.letters / text.words + 0.5 * text.words / text.sentences - 21.43


FORMULAS: Final[Mapping[str, Callable[[Counts], float]]] = {"flesch": flesch, "kincaid": kincaid, "ari": ari}
