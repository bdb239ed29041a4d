"""Ordering one's own data from Python: every form of data, the same order as in a cell, and clear refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import zsg_harness
from zsg_registry import Access, ExampleSet, Order, Registry, ZsgError, bind, parse_reference
from zsg_registry.testing import NaiveContext, example_set

Rows = list[dict[str, Any]]


def test_a_nearest_order_begins_with_what_is_near(pool: Rows, query: Rows) -> None:
    order = zsg_harness.arrange(pool, query, "tma[view=prompt]", embedder="tfidf", budget=8)
    assert len(order) == 8
    assert {pool[i]["task"] for i in order.indices} == {"t1"}


def test_rows_sets_and_datasets_are_one(pool: Rows, query: Rows) -> None:
    import datasets

    from zsg_harness.orders.inputs import example_set as read

    def arranged(data: Any, queried: Any) -> list[int]:
        order = zsg_harness.arrange(data, queried, "nft[view=prompt,measure=avg]", embedder="tfidf")
        return order.indices.tolist()  # type: ignore[no-any-return]

    expected = arranged(pool, query)
    assert arranged(read(pool, "pool"), query) == expected
    assert arranged(datasets.Dataset.from_list(pool), datasets.Dataset.from_list(query)) == expected
    dialogues = [
        {"messages": [{"role": "user", "content": r["prompt"]}, {"role": "assistant", "content": r["completion"]}]}
        for r in pool
    ]
    assert arranged(dialogues, query) == expected


def test_the_order_is_the_naive_contexts(pool: Rows) -> None:
    rng = np.random.default_rng(0)
    vectors, queries = rng.normal(size=(30, 6)), rng.normal(size=(4, 6))
    answered = [{"prompt": "p", "completion": "c"}] * 4
    for reference in ("tma", "nft", "round-robin-nearest", "tma[within=shuffle]", "random", "cluster"):
        order = zsg_harness.arrange(
            pool, answered, reference, budget=20, seed=5, pool_embeddings=vectors, query_embeddings=queries
        )
        component: Any = bind(
            Registry().component("arrangement", parse_reference(reference)), parse_reference(reference)
        )
        context = NaiveContext.of(
            component,
            example_set([row["task"] for row in pool]),
            example_set([None] * 4, side="unseen", prefix="q"),
            budget=20,
            seed=5,
            embeddings={"pool": vectors, "query": queries},
        )
        assert order.indices.tolist() == component.arrange(context).indices.tolist(), reference


def test_given_embeddings_may_be_mapped_from_a_file(pool: Rows, query: Rows, tmp_path: Path) -> None:
    vectors = np.random.default_rng(1).normal(size=(30, 4)).astype(np.float32)
    np.save(tmp_path / "pool.npy", vectors)
    mapped = np.load(tmp_path / "pool.npy", mmap_mode="r")
    orders = [
        zsg_harness.arrange(
            pool, query, "tma[view=prompt]", pool_embeddings=given, query_embeddings=vectors[:2]
        ).indices.tolist()
        for given in (mapped, vectors, vectors.astype(np.float64).tolist())
    ]
    assert orders[0] == orders[1] == orders[2]
    assert vectors.flags.writeable


def test_a_token_budget_cuts_at_tokens_of_the_model(pool: Rows) -> None:
    whole = zsg_harness.arrange(pool, arrangement="sequential")
    cut = zsg_harness.arrange(pool, arrangement="sequential", model="zsg-tiny", token_budget=100)
    assert 0 < len(cut) < len(whole)
    assert cut.indices.tolist() == whole.indices.tolist()[: len(cut)]


def test_a_query_that_is_not_looked_at_is_not_read(pool: Rows) -> None:
    assert len(zsg_harness.arrange(pool, [{"nothing": 0}], "random", budget="all")) == 30


@pytest.mark.parametrize(
    ("access", "sees_prompts", "sees_answers"),
    [(Access.NONE, False, False), (Access.PROMPTS, True, False), (Access.ANSWERS, True, True)],
)
def test_nothing_more_is_handed_over_than_was_declared(
    access: Access, sees_prompts: bool, sees_answers: bool, pool: Rows, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []

    def arrange(self: Any, context: Any) -> Order:
        if access is not Access.NONE:
            seen.extend(context.query.columns)
            seen.extend(context.texts("query", "prompt"))
        for role in ("query", "probe", "eval"):
            try:
                seen.extend(context.texts(role))
            except zsg_harness.ZsgError:
                continue
        return Order(np.arange(context.budget))

    component = Registry().component("arrangement", parse_reference("sequential"))
    monkeypatch.setattr(component, "arrange", arrange)
    monkeypatch.setattr(component, "access", access)
    zsg_harness.arrange(pool, [{"prompt": "QUESTION", "completion": "ANSWER"}], "sequential")
    text = " ".join(seen)
    assert ("QUESTION" in text) == sees_prompts
    assert ("ANSWER" in text) == ("completion" in seen) == sees_answers


ONES = np.ones((30, 3))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"arrangement": "tmaa"}, "'tma'"),
        ({"arrangement": "tma[mod=nearest]"}, "'mode'"),
        ({"arrangement": "random | zigzg"}, "'zigzag'"),
        ({"arrangement": "tma", "query": None}, "'tma' needs a query"),
        ({"arrangement": "tma"}, "query: row 0: an example without a completion"),
        ({"query": []}, "the query is empty"),
        ({"pool": []}, "the pool is empty"),
        ({"embedder": "minilmm"}, "'minilm'"),
        ({"budget": 31}, "the budget is 31 examples, and the pool has 30"),
        ({"budget": 0}, "budget is 0"),
        ({"budget": "some"}, "the budget is 'some'"),
        ({"batch_size": 0}, "batch_size is 0"),
        ({"token_budget": 10}, "a token budget needs a base model (tokenizer): name one with --model"),
        ({"arrangement": "sort[by=length]"}, "needs a base model (tokenizer)"),
        ({"arrangement": "sort[by=length]", "model": "zsg-tny"}, "zsg-tiny"),
        ({"arrangement": "skill-it"}, "decides while a model is trained"),
        ({"arrangement": "cluster", "pool": [{"prompt": "p", "completion": "c"}]}, "needs the task of every example"),
        ({"pool": {"prompt": ["p"]}}, "the pool is a dict, not a sequence of rows"),
        ({"pool": "pool.jsonl"}, "the pool is a str"),
        ({"pool": ["p"]}, "pool: row 0: a string, not an object"),
        ({"pool": [{"prompt": "p"}]}, "pool: row 0: an example without a completion"),
        ({"pool": [{"id": "x", "prompt": "p", "completion": "c"}] * 2}, "its id was used before"),
        ({"query_embeddings": ONES}, "without pool_embeddings"),
        ({"pool_embeddings": ONES}, "without query_embeddings"),
        (
            {"pool_embeddings": ONES[:5], "query_embeddings": ONES[:2]},
            "5 × 3: a row is needed for each of the pool's 30",
        ),
        ({"pool_embeddings": ONES[:, 0], "query_embeddings": ONES[:2]}, "pool_embeddings have the shape 30"),
        ({"pool_embeddings": ONES, "query_embeddings": ONES[:2, :2]}, "3 dimensions, and query_embeddings 2"),
        ({"pool_embeddings": ONES * np.nan, "query_embeddings": ONES[:2]}, "example 't0/0' (row 0) is zero or not"),
        ({"pool_embeddings": ONES, "query_embeddings": ONES[:2] * [[1], [0]]}, "example '1' (row 1) is zero or not"),
        ({"pool_embeddings": [["a"]] * 30, "query_embeddings": ONES[:2]}, "not a matrix of numbers"),
        ({"cache": "/dev/null/cache"}, "the cache /dev/null/cache cannot be made"),
    ],
)
def test_wrong_input_is_one_line(change: dict[str, Any], complaint: str, pool: Rows, query: Rows) -> None:
    given = {"pool": pool, "query": query, "arrangement": "tma[view=prompt]", "embedder": "tfidf"} | change
    with pytest.raises(ZsgError) as caught:
        zsg_harness.arrange(**given)
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_orders_that_need_no_vectors_import_no_torch() -> None:
    code = """
import sys, zsg_harness
pool = [{"prompt": f"p {i}", "completion": "c"} for i in range(9)]
for arrangement in ("random", "dsir[view=prompt]", "sequential | reverse"):
    assert len(zsg_harness.arrange(pool, [{"prompt": "p 1"}], arrangement, budget=3)) == 3
loaded = {"torch", "transformers", "datasets"} & set(sys.modules)
assert not loaded, loaded
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_example_set_of_prompts_alone_is_refused_where_answers_are_looked_at(pool: Rows) -> None:
    prompts = example_set(["a"], side="unseen").restrict(Access.PROMPTS)
    assert isinstance(prompts, ExampleSet)
    with pytest.raises(ZsgError, match="looks at the query's answers, and the query has none"):
        zsg_harness.arrange(pool, prompts, "tma", embedder="tfidf")
