"""ROUGE equals rouge-score; exact match and token F1 equal what was worked out by hand."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from zsg_plugins.metrics.exact_match import ExactMatch
from zsg_plugins.metrics.rouge import Rouge, multilingual_tokenizer
from zsg_plugins.metrics.token_f1 import TokenF1
from zsg_registry import ContractError, ExampleSet, Metric, MetricBatch, MetricRows

MakeBatch = Callable[[Sequence[tuple[str, Sequence[str]]]], MetricBatch]

EXACT = [
    ("Paris", ["Paris"], 100),
    ("paris.", ["Paris"], 100),
    ("  New \t York\n", ["new york"], 100),
    ('"Yes!"', ["yes"], 100),
    ("don't", ["dont"], 100),  # punctuation is deleted,
    ("a-b", ["ab"], 100),
    ("a-b", ["a b"], 0),  # not made a space
    ("a - b", ["a b"], 100),
    ("the cat", ["cat"], 0),  # articles stay
    ("a", ["the"], 0),
    ("", ["x"], 0),
    ("", ["?!"], 100),  # nothing is left on either side
    ("“yes”", ["yes"], 0),  # only ASCII punctuation
    ("ÉTÉ", ["été"], 100),
    ("4.0", ["40"], 100),
    ("4", ["four", "4", "IV"], 100),
    ("five", ["four", "4", "IV"], 0),
]


def scored(metric: Metric, batch: MetricBatch) -> MetricRows:
    metric.open()
    try:
        return metric.score(batch)
    finally:
        metric.close()


def test_exact_match_by_hand(make_batch: MakeBatch) -> None:
    rows = scored(ExactMatch(), make_batch([(answer, references) for answer, references, _ in EXACT]))

    assert list(rows.values) == [expected for *_, expected in EXACT]
    assert list(rows.outputs) == ["exact_match"] * len(EXACT)
    assert list(rows.example_ids) == [str(n) for n in range(len(EXACT))]
    assert rows.tasks[:3] == ["task0", "task1", "task0"]
    assert set(rows.counts) == {1}


def rouge_directly(answer: str, references: Sequence[str]) -> tuple[float, float]:
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
    scores = [scorer.score(reference, answer) for reference in references]
    return (
        100 * max(score["rouge1"].fmeasure for score in scores),
        100 * max(score["rougeL"].fmeasure for score in scores),
    )


def check_rouge(answers: Sequence[tuple[str, Sequence[str]]], batch: MetricBatch) -> MetricRows:
    rows = scored(Rouge(), batch)
    expected = [rouge_directly(*pair) for pair in answers]
    assert list(rows.values) == [one for one, _ in expected] + [longest for _, longest in expected]
    assert list(rows.outputs) == ["rouge1"] * len(answers) + ["rougeL"] * len(answers)
    return rows


def test_rouge_equals_rouge_score(make_batch: MakeBatch) -> None:
    answers = [
        ("The dogs were running quickly", ["the dog runs quick"]),
        ("running cats", ["a cat ran", "cats running", "cats that are running"]),
        ("", ["something"]),
        ("something", [""]),
        ("", [""]),
        ("…", ["!"]),
        ("日本語", ["日本語"]),
        ("a b c d", ["d c b a"]),
        ("x" * 500, ["x" * 500]),
    ]
    rows = check_rouge(answers, make_batch(answers))

    assert rows.values[7] == 100  # the same words,
    assert rows.values[9 + 7] == 25  # in the wrong order
    assert rows.values[2] == rows.values[4] == 0


def random_text(draw: random.Random, longest: int) -> str:
    words = [
        "the",
        "running",
        "runs",
        "flies",
        "Nationalities",
        "42",
        "x" * 30,
        "a-b",
        "naïve",
        "日本語",
        "İstanbul",
        "…",
        "",
    ]
    return draw.choice([" ", "\n", " ... "]).join(draw.choices(words, k=draw.randint(0, longest)))


def test_rouge_equals_rouge_score_on_many_random_pairs(make_batch: MakeBatch) -> None:
    from rouge_score.rouge_scorer import RougeScorer

    draw = random.Random(0)
    answers = [(random_text(draw, 12), [random_text(draw, 12)]) for _ in range(1000)]
    answers += [(random_text(draw, 300), [random_text(draw, 300)]) for _ in range(3)]
    scorer = RougeScorer(["rouge1", "rougeL"], use_stemmer=True)
    expected: list[Any] = [scorer.score(reference, answer) for answer, (reference,) in answers]
    found = scored(Rouge(), make_batch(answers)).values
    for name, values in (("rouge1", found[: len(answers)]), ("rougeL", found[len(answers) :])):
        assert values == pytest.approx([100 * score[name].fmeasure for score in expected], rel=0, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Où est-il ?", ["où", "est", "il"]),
        ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs stay with their letters
        ("東京へ行く", ["東", "京", "へ", "行", "く"]),
        ("ｶﾞ", ["ガ"]),  # NFKC
        ("GPT東京2号", ["gpt", "東", "京", "2", "号"]),
        ("ภาษาไทย", ["ภ", "า", "ษ", "า", "ไ", "ท", "ย"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("don't…", ["don", "t"]),
        ("！？", []),
    ],
)
def test_words_of_any_script(text: str, words: list[str]) -> None:
    assert list(multilingual_tokenizer()(text)) == words


def test_rouge_of_other_scripts(make_batch: MakeBatch) -> None:
    batch = make_batch([("東京へ行く", ["東京に行く"]), ("Привет, мир", ["мир привет"])])

    assert list(scored(Rouge(), batch).values) == [0, 0, 0, 0]
    assert list(scored(Rouge(tokenizer="multilingual"), batch).values) == pytest.approx([80, 100, 80, 50])


@pytest.mark.parametrize(
    ("answer", "references", "expected"),
    [
        ("Paris", ["Paris"], 100),
        ("The cat!", ["a cat"], 100),  # articles and punctuation are left out
        ("theatre", ["atre"], 0),  # but no part of a word
        ("in Paris", ["Paris"], 200 / 3),
        ("b b a1", ["b c"], 40),  # b is shared once: 1/3 and 1/2
        ("", ["x"], 0),
        ("the", ["..."], 100),  # no word on either side
        ("a-b", ["ab"], 100),
        ("York", ["London", "New York"], 200 / 3),
    ],
)
def test_token_f1_by_hand(make_batch: MakeBatch, answer: str, references: list[str], expected: float) -> None:
    assert scored(TokenF1(), make_batch([(answer, references)])).values == pytest.approx([expected])


words = st.lists(
    st.sampled_from(["the", "run", "running", "Runs", "flies", "flied", "42", "é", "a-b", "", "\n"]), max_size=8
)


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(words.map(" ".join), st.lists(words.map(" ".join), min_size=1, max_size=3)), min_size=1))
def test_rouge_equals_rouge_score_on_any_text(make_batch: MakeBatch, answers: list[tuple[str, list[str]]]) -> None:
    check_rouge(answers, make_batch(answers))


def test_rouge_needs_no_open_and_can_be_used_again_after_close(make_batch: MakeBatch) -> None:
    metric, batch = Rouge(), make_batch([("yes", ["yes"])])

    assert list(metric.score(batch).values) == [100, 100]
    metric.close()
    assert list(scored(metric, batch).values) == [100, 100]


@pytest.mark.parametrize("metric", [Rouge(), ExactMatch(), TokenF1()])
def test_generations_are_required(metric: Metric) -> None:
    assert metric.requires == {"generations"}
    with pytest.raises(ContractError, match="requires generations, and the batch has none"):
        metric.score(MetricBatch(ExampleSet.from_examples([])))
