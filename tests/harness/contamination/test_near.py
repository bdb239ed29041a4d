"""What is nearly the same, beside its definition."""

from __future__ import annotations

import random
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.contamination import near
from zsg_harness.contamination.near import NEAR, near_pairs, similarities
from zsg_harness.contamination.words import shingles

shingle_sets = st.sets(st.sampled_from("abcdefgh"), max_size=8)
LEXICON = [f"w{number}" for number in range(60)]


def definition(text: set[str], rivals: list[set[str]]) -> list[Fraction]:
    """The greater of two shares, of shingles that count 1 / (1 + n)² where n other rivals have them."""
    values = []
    for number, rival in enumerate(rivals):
        others = rivals[:number] + rivals[number + 1 :]
        weight = {each: Fraction(1, (1 + sum(each in other for other in others)) ** 2) for each in text | rival}
        shared = sum(weight[each] for each in text & rival)
        shares = [shared / sum(weight[each] for each in side) if side else Fraction(0) for side in (text, rival)]
        values.append(max(shares))
    return values


@given(text=shingle_sets, rivals=st.lists(shingle_sets, max_size=6))
def test_the_similarity_is_that_of_the_definition(text: set[str], rivals: list[set[str]]) -> None:
    assert similarities(text, rivals) == pytest.approx([float(value) for value in definition(text, rivals)], abs=1e-12)


# Of texts of eight or nine words MinHash misses a few in a thousand, as its odds say; of longer ones none here.
@given(seed=st.integers(0, 999), length=st.integers(10, 40))
def test_a_changed_word_is_found_wherever_it_is(seed: int, length: int) -> None:
    draw = random.Random(seed)
    pool = [[f"{word}-{place}" for word in draw.sample(LEXICON, length)] for place in range(5)]
    copies = [
        [*text[:at], "changed", *text[at + 1 :]] for text, at in zip(pool, draw.sample(range(length), 5), strict=True)
    ]
    pairs = list(near_pairs(copies, pool.__getitem__, len(pool)))
    assert [(pair.evaluated, pair.pooled) for pair in pairs] == [(place, place) for place in range(5)]
    assert all(NEAR <= pair.similarity <= 1 for pair in pairs)
    assert pairs == list(near_pairs(copies, pool.__getitem__, len(pool)))


def test_what_is_proposed_is_all_that_shares_two_thirds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "_BLOCK", 7)  # several blocks, and several parts of one
    monkeypatch.setattr(near, "_PAIRS", 5)
    draw = random.Random(1)
    pool = [draw.choices(LEXICON[:12], k=draw.randrange(14)) for _ in range(60)]
    evaluated = [draw.choices(LEXICON[:12], k=draw.randrange(14)) for _ in range(20)]
    proposed = near._proposals(evaluated, pool.__getitem__, len(pool))
    found = set(zip(proposed.evaluated.tolist(), proposed.pooled.tolist(), strict=True))
    sets = [[set(shingles(text)) for text in side] for side in (evaluated, pool)]
    alike = {
        (mine, theirs)
        for mine, own in enumerate(sets[0])
        for theirs, other in enumerate(sets[1])
        if own and len(own & other) >= len(own | other) * 2 / 3
    }
    assert alike <= found


def test_one_template_for_all_costs_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(near, "RIVALS", 3)
    template = ["say", "again", "what", "was", "said", "by", "me", "about"]
    pool = [[*template, f"thing{place}"] for place in range(50)]
    proposed = near._proposals([pool[40], pool[7]], pool.__getitem__, len(pool))
    assert proposed.evaluated.tolist() == [0, 0, 0, 1, 1, 1]
    assert {40} < set(proposed.pooled[:3].tolist())
    assert {7} < set(proposed.pooled[3:].tolist())
