"""The formulas against values worked out by hand, and the arrangement under the conformance suite."""

from __future__ import annotations

from typing import Any

import pytest
from zsg_readability_curriculum import Readability
from zsg_readability_curriculum.formulas import Counts, ari, count, flesch, kincaid, syllables

from zsg_registry.testing import ArrangementSuite, NaiveContext, example_set

EASY = "The cat sat on the mat."
HARD = "Notwithstanding considerable institutional opposition, legislators unanimously ratified the amendment."
MIDDLE = "The committee met on Monday to talk about the new building."


def order_of(prompts: list[str], budget: int | None = None, seed: int = 0, **params: Any) -> list[int]:
    readability = Readability(view="prompt", **params)
    pool = example_set([None] * len(prompts), prompts=prompts)
    return readability.arrange(NaiveContext.of(readability, pool, budget=budget, seed=seed)).indices.tolist()


class TestReadability(ArrangementSuite):
    @pytest.fixture
    def component(self) -> Readability:
        return Readability()


class TestSampled(ArrangementSuite):
    @pytest.fixture
    def component(self) -> Readability:
        return Readability(sample=True, formula="ari", hardest_first=True)


def test_the_formulas_give_the_published_values() -> None:
    assert count(EASY) == Counts(sentences=1, words=6, syllables=6, letters=17)
    assert flesch(count(EASY)) == pytest.approx(-116.145)
    assert kincaid(count(EASY)) == pytest.approx(-1.45)
    assert ari(count(EASY)) == pytest.approx(4.71 * 17 / 6 + 3 - 21.43)


@pytest.mark.parametrize(
    ("word", "expected"),
    [("cat", 1), ("make", 1), ("table", 2), ("wanted", 2), ("jumped", 1), ("boxes", 2), ("readability", 5), ("hmm", 1)],
)
def test_syllables(word: str, expected: int) -> None:
    assert syllables(word) == expected


def test_abbreviations_and_numbers_do_not_end_sentences() -> None:
    assert count("It costs 3.50 in all, e.g. here. Fine").sentences == 3  # "e.g." ends one: a rule of thumb


def test_easy_texts_come_first_and_what_is_no_text_last() -> None:
    prompts = [HARD, "…", EASY, MIDDLE]
    assert order_of(prompts) == [2, 3, 0, 1]
    assert order_of(prompts, hardest_first=True) == [0, 3, 2, 1]
    assert order_of(prompts, budget=2) == [2, 3]


@pytest.mark.parametrize("formula", ["flesch", "kincaid", "ari"])
def test_every_formula_tells_the_easy_from_the_hard(formula: str) -> None:
    assert order_of([HARD, EASY], formula=formula) == [1, 0]


def test_a_sample_is_a_draw_that_is_then_sorted() -> None:
    prompts = [f"{'notwithstanding ' * n}a cat." for n in range(50)]
    first, second = (order_of(prompts, 10, seed, sample=True) for seed in (0, 1))
    assert first == sorted(first)
    assert first != second
    assert first != order_of(prompts, 10)
