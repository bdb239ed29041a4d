"""The naive context: what it computes, and that it guards what was declared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_registry import Access, ContractError, Need, generator
from zsg_registry.testing import NaiveContext, NaiveSimilarity, example_set

POOL = example_set(["a", "b", "a"])
QUERY = example_set(["u", "v"], side="unseen", prefix="query-")
GIVEN: dict[str, Any] = {
    "embeddings": {"pool": np.eye(3), "query": np.eye(3)[:2]},
    "losses": {"pool": [1, 2, 3], "query": [4, 5]},
    "lengths": {"pool": [10, 20, 30], "query": [40, 50]},
    "model": object,
}


def test_everything_is_there_by_default() -> None:
    context = NaiveContext(POOL, QUERY, **GIVEN)
    assert (context.budget, context.batch_size) == (3, 16)
    assert context.texts("query") == ["prompt 0 answer 0", "prompt 1 answer 1"]
    assert context.losses("query").tolist() == [4, 5]
    assert context.lengths("pool").dtype == np.int64
    assert context.embeddings("pool").dtype == np.float32
    assert context.rng("a", 1).random() == generator("order", 0, 0, "a", 1).random()
    assert context.model() is context.model()
    assert context.model(fresh=True) is not context.model()
    with pytest.raises(ValueError, match="read-only"):
        context.embeddings("pool")[0] = 0


SERVICES: dict[Need, Callable[[NaiveContext], object]] = {
    Need.EMBEDDER: lambda context: context.embeddings("pool"),
    Need.LOSSES: lambda context: context.losses("pool"),
    Need.TOKENIZER: lambda context: context.lengths("pool"),
    Need.MODEL: lambda context: context.model(),
}


@pytest.mark.parametrize("need", SERVICES)
def test_a_service_that_was_not_declared_is_refused(need: Need) -> None:
    SERVICES[need](NaiveContext(POOL, needs=frozenset({need}), **GIVEN))
    with pytest.raises(ContractError, match=f"Need.{need.name}"):
        SERVICES[need](NaiveContext(POOL, needs=frozenset(Need) - {need, Need.GRADIENTS}, **GIVEN))


def test_access_prompts_reaches_no_answer() -> None:
    context = NaiveContext(POOL, QUERY, access=Access.PROMPTS, **GIVEN)
    assert context.texts("query", "prompt") == ["prompt 0", "prompt 1"]
    assert context.embeddings("query", "prompt").shape == (2, 3)
    assert "completion" not in context.query.columns
    for withheld in (
        lambda: context.query["completion"],
        lambda: context.texts("query"),
        lambda: context.embeddings("query"),
        lambda: context.embeddings("query", "completion"),
        lambda: context.losses("query"),
        lambda: context.losses("query", of="text"),
        lambda: context.lengths("query"),
    ):
        with pytest.raises(ContractError, match="withheld"):
            withheld()
    assert len(context.losses("pool")) == 3


def test_access_none_has_no_query_and_nobody_sees_the_probe() -> None:
    context = NaiveContext(POOL, QUERY, access=Access.NONE, **GIVEN)
    for use in (lambda: context.query, lambda: context.texts("query"), lambda: context.embeddings("query", "prompt")):
        with pytest.raises(ContractError, match="no query"):
            use()
    with pytest.raises(ContractError, match="not 'probe'"):
        context.texts("probe")


def test_what_the_test_did_not_give_is_not_the_plugins_fault() -> None:
    context = NaiveContext(POOL, QUERY)
    for use in (lambda: context.embeddings("pool"), lambda: context.losses("query"), context.model):
        with pytest.raises(ValueError, match="was given no"):
            use()
    answers_only = NaiveContext(POOL, losses={"pool": [1, 2, 3]})
    with pytest.raises(ValueError, match="was given no losses of the pool's 'text'"):
        answers_only.losses("pool", of="text")


def test_losses_are_of_what_was_asked_for() -> None:
    context = NaiveContext(POOL, losses={"pool": {"answer": [1, 2, 3], "answer-alone": [4, 5, 6]}})
    assert context.losses("pool").tolist() == [1, 2, 3]
    assert context.losses("pool", of="answer-alone").tolist() == [4, 5, 6]


@given(
    st.integers(1, 7),
    st.integers(1, 4),
    st.sampled_from(["cosine", "euclidean"]),
    st.booleans(),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_the_services_of_a_similarity_agree_with_one_another(
    n: int, m: int, measure: Any, largest: bool, seed: int, tied: bool
) -> None:
    rng = np.random.default_rng(seed)
    rows, columns = (
        (rng.integers(1, 3, size=(size, 3)) if tied else rng.normal(size=(size, 3))).astype(np.float32)
        for size in (n, m)
    )
    similarity = NaiveSimilarity(rows, columns, measure)
    grid = np.indices((n, m))
    dense = similarity.pairs(grid[0].ravel(), grid[1].ravel()).reshape(n, m)
    if measure == "cosine":
        lengths = np.linalg.norm(rows, axis=1)[:, None] * np.linalg.norm(columns, axis=1)
        np.testing.assert_allclose(dense, rows @ columns.T / lengths, atol=1e-6)
    else:
        np.testing.assert_allclose(dense, -np.linalg.norm(rows[:, None] - columns, axis=2), atol=1e-6)
    blocks = list(similarity.blocks())
    assert [block.start for block in blocks] == np.cumsum([0, *(len(block.values) for block in blocks)])[:-1].tolist()
    np.testing.assert_array_equal(np.concatenate([block.values for block in blocks]), dense.astype(np.float32))
    assert similarity.reduce("max").tolist() == pytest.approx([max(row) for row in dense], abs=1e-12)
    sign = -1 if largest else 1
    ranked = [sorted(range(n), key=lambda i: (sign * dense[i, j], i)) for j in range(m)]
    for k in (1, n, n + 2):
        near = similarity.top_k(k, largest)
        assert near.rows.tolist() == [column[:k] for column in ranked]
        assert near.values.tolist() == [[dense[i, j] for i in column[:k]] for j, column in enumerate(ranked)]
    cursor = similarity.cursor(largest)
    walked = []
    while (row := cursor.peek(0)) >= 0:
        assert cursor.peek_all()[0] == row
        walked.append(row)
        cursor.remove([row])
    assert walked == ranked[0]
    assert cursor.peek_all().tolist() == [-1] * m


def test_a_vector_without_direction_has_no_cosine() -> None:
    with pytest.raises(ContractError, match="no cosine"):
        NaiveSimilarity(np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32))
    distance = NaiveSimilarity(np.zeros((1, 2), np.float32), np.ones((1, 2), np.float32), "euclidean")
    assert distance.reduce("max")[0] == pytest.approx(-np.sqrt(2), abs=1e-12)
