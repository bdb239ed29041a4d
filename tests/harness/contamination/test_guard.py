"""The guard, beside comparing everything with everything."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.contamination import guard
from zsg_harness.contamination.findings import Findings, Kind
from zsg_harness.contamination.guard import find, kept_findings
from zsg_harness.contamination.words import words
from zsg_harness.store.cache import Cache
from zsg_registry import ExampleSet

ExamplesOf = Callable[..., ExampleSet]
LONG = (
    "The old lighthouse keeper climbed ninety worn steps each evening to light a lamp that no ship had needed for years"
)

texts = st.lists(
    st.tuples(
        st.one_of(
            st.lists(st.sampled_from(["a", "B", "b", "ß", "?", "\n", "5", "-"]), max_size=4).map(" ".join),
            st.text(st.characters(codec="utf-8"), max_size=6),
        ),
        st.sampled_from(["", "yes", "Yes!", "no"]),
    ),
    max_size=8,
)


def found(findings: Findings, below: Kind = Kind.NEAR) -> set[tuple[int, int, int]]:
    return {tuple(pair)[:3] for pair in findings.pairs.tolist() if pair[2] < below}


def naive(pool: list[tuple[str, str]], evaluated: list[tuple[str, str]]) -> set[tuple[int, int, int]]:
    """All pairs that are the same in some way other than nearly, by the surest."""
    pairs = set()
    for mine, (prompt, answer) in enumerate(evaluated):
        for theirs, (other, reply) in enumerate(pool):
            said, asked = words(prompt) + words(answer), words(prompt)
            if (prompt, answer) == (other, reply):
                pairs.add((mine, theirs, Kind.EXACT))
            elif said and said == words(other) + words(reply):
                pairs.add((mine, theirs, Kind.SAME_WORDS))
            elif asked and asked == words(other):
                pairs.add((mine, theirs, Kind.SAME_PROMPT))
    return pairs


@given(pool=texts, evaluated=texts)
def test_all_that_is_the_same_is_found(
    examples_of: ExamplesOf, pool: list[tuple[str, str]], evaluated: list[tuple[str, str]]
) -> None:
    assert found(find(examples_of(pool), examples_of(evaluated))) == naive(pool, evaluated)


def test_the_kinds(examples_of: ExamplesOf) -> None:
    pool = [(LONG, "yes"), ("Something else that is entirely unlike the rest of them", "no")]
    evaluated = [
        (LONG, "yes"),
        (LONG.upper() + " !", " Yes."),
        (LONG, "certainly not"),
        (LONG.replace("ninety", "forty"), "yes"),
        ("Nothing of the sort was ever said of any harbour", "yes"),
    ]
    findings = find(examples_of(pool), examples_of(evaluated))
    assert findings.surest() == {0: Kind.EXACT, 1: Kind.SAME_WORDS, 2: Kind.SAME_PROMPT, 3: Kind.NEAR}
    assert findings.pooled.tolist() == [0]
    similarity = findings.pairs["similarity"]
    assert similarity[:3].tolist() == [1, 1, 1]
    assert 0.9 < similarity[3] < 1


def test_a_shared_template_is_not_the_same(examples_of: ExamplesOf) -> None:
    """However much longer it is than what is said in it, where several texts have it."""
    rng = np.random.default_rng(0)
    lexicon = [f"word{number}" for number in range(500)]

    def filled() -> str:
        said = " ".join(rng.choice(lexicon, 6, replace=False))
        return f"Read what follows with care, and say in a word of your own what mood it is in: {said} . Your answer:"

    pool = [filled() for _ in range(30)]
    copy = pool[3].replace("care", "patience")
    findings = find(examples_of(pool), examples_of([filled() for _ in range(20)] + [copy]))
    assert [tuple(pair)[:3] for pair in findings.pairs.tolist()] == [(20, 3, Kind.NEAR)]


def test_what_many_copies_share_is_not_their_template(examples_of: ExamplesOf) -> None:
    """Each of them has another word changed, so that no two are equal, and all are found."""
    tokens = LONG.split()
    copies = [" ".join([*tokens[:place], "instead", *tokens[place + 1 :]]) for place in range(len(tokens))]
    findings = find(examples_of(copies), examples_of([LONG]))
    assert findings.pooled.tolist() == list(range(len(copies)))


def test_nothing_comes_of_texts_without_words(examples_of: ExamplesOf) -> None:
    assert not len(find(examples_of(["", "?", "…"]), examples_of(["!", " ", "--"])).pairs)
    assert not len(find(examples_of([]), examples_of([LONG])).pairs)


def test_it_is_found_once_for_all_who_ask(
    examples_of: ExamplesOf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, evaluated = examples_of([LONG, "else"]), examples_of([LONG.lower()])
    asked = []
    monkeypatch.setattr(guard, "find", lambda *sets: asked.append(sets) or find(*sets))
    with ThreadPoolExecutor(4) as threads:
        kept = list(threads.map(lambda _: kept_findings(pool, evaluated, Cache(tmp_path)), range(4)))
    assert len(asked) == 1
    expected = find(pool, evaluated).pairs.tolist()
    assert [each.pairs.tolist() for each in kept] == [expected] * 4
    assert not len(kept_findings(evaluated, examples_of(["unlike"]), Cache(tmp_path)).pairs)  # none is kept too
    assert len(asked) == 2


def test_the_table_names_examples(examples_of: ExamplesOf) -> None:
    pool, evaluated = examples_of([LONG], "p", "seen"), examples_of(["unlike", LONG], "e")
    assert find(pool, evaluated).table(pool, evaluated).to_pylist() == [
        {"example_id": "e1", "task": None, "kind": "exact", "pool_id": "p0", "pool_task": "seen", "similarity": 1.0}
    ]
