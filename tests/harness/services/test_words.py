"""Words are what `str.split` finds, at every call."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.services.words import words

# White space of all kinds, what looks like some and is none, and characters of one to four bytes.
PIECES = [*"ab é日😀", "  ", "\t", "\n", "\xa0", "\u2003", "\u3000", "\x1c", "\x85", "\u1680", "\u200b", "\x00"]


def split(texts: list[str]) -> list[tuple[int, str]]:
    text, code, distinct = words(texts)
    return list(zip(text.tolist(), distinct.take(code).to_pylist(), strict=True))


def expected(texts: list[str]) -> list[tuple[int, str]]:
    return [(number, word) for number, text in enumerate(texts) for word in text.split()]


@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=9).map("".join), max_size=7))
def test_they_are_those_of_python(texts: list[str]) -> None:
    assert split(texts) == expected(texts)


def test_what_lies_behind_a_text_does_not_matter() -> None:
    """Arrow's own split takes white space at the end for a word in two calls of five, by what the memory holds."""
    texts = ["±\U000497f4", "\x89\U000bbc9eð\x19¨5", "a a b   a   a    ", ""]
    assert all(split(texts) == expected(texts) for _ in range(300))
