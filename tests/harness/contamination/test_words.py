"""What counts as the same words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.contamination.words import shingles, words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  What's UP,\n\tDoc? ", ["what", "s", "up", "doc"]),
        ("3 - 5 = ?", ["3", "-", "5", "="]),
        ("a - b; 1990–1995", ["a", "b", "1990", "1995"]),
        ("costs $5 or 5€…", ["costs", "$", "5", "or", "5", "€"]),
        ("«Straße», ＡＢＣ!", ["strasse", "abc"]),
        ("हिन्दी भाषा।", ["हिन्दी", "भाषा"]),  # vowel signs belong to their word
        ("你好，世界。", ["你好", "世界"]),
        ("", []),
        ("?! … —", []),
    ],
)
def test_words_by_hand(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_case_and_white_space_do_not_count(text: str) -> None:
    own = words(text)
    assert words(" ".join(own)) == own or any(sign in own for sign in "-*/%")
    assert words(f"\n {text} \t") == own
    assert all(word == word.strip() and word for word in own)


def test_arithmetic_is_told_apart() -> None:
    assert len({tuple(words(f"What is 7 {sign} 2?")) for sign in "+-*/%"}) == 5


def test_shingles_are_words_and_neighbours() -> None:
    assert shingles(["a", "b", "a", "b"]) == ["a", "b", "a b", "b a"]
    assert shingles(["a"]) == ["a"]
    assert shingles([]) == []
