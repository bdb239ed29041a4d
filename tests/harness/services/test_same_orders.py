"""The harness's similarity gives every arrangement the very order that the naive one gives, index for index."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zsg_harness.services.similarity import BlockwiseSimilarity
from zsg_registry import Registry, bind, parse_reference
from zsg_registry.testing import NaiveContext, example_set

REFERENCES = [
    *(f"{name}[measure={measure}]" for name in ("nft", "fft") for measure in ("wsd", "avg", "min", "max", "centroid")),
    *(f"tma[mode={mode},within={within}]" for mode in ("nearest", "farthest") for within in ("index", "distance")),
    "tma[distance=euclidean]",
    "nft[measure=min,distance=euclidean]",
    *(f"tma[mode={mode}]" for mode in ("nearest-then-farthest", "farthest-then-nearest", "random")),
    "coarse",
    "coarse[direction=farthest,measure=centroid,distance=euclidean]",
    "per-task",
    "per-task[mode=uniform,measure=max]",
    "round-robin-nearest",
    "round-robin-nearest[distance=euclidean]",
    "doubly-greedy",
    "knn-union",
    "knn-union[k=3,distance=euclidean]",
    "k-center",
    "k-center[start=query,distance=euclidean]",
    "deita",
    "deita[threshold=0.2]",
    "optimal-transport[regularization=0.05]",
    "optimal-transport[balance=balanced,regularization=0.05,distance=euclidean]",
    "tsds[k=4]",
    "tsds[distance=euclidean,sigma=2]",
]


class BlockwiseContext(NaiveContext):
    """A naive context with the harness's similarity, in blocks so small that there are many."""

    half = False

    def similarity(self, rows: Any, columns: Any, measure: Any = "cosine") -> Any:
        return BlockwiseSimilarity(rows, columns, measure, block_rows=5, half=self.half)


class HalfContext(BlockwiseContext):
    """The same where bfloat16 proposes."""

    half = True


@cache
def bound(text: str) -> Any:
    reference = parse_reference(text)
    return bind(Registry().component("arrangement", reference), reference)


@pytest.mark.parametrize("text", REFERENCES)
@settings(max_examples=8)  # many references, and three engines each; test_similarity.py tries the engines alone
@given(seed=st.integers(0, 2**32), n=st.integers(1, 30), m=st.integers(1, 9), kind=st.sampled_from(["any", "copies"]))
def test_orders_agree(text: str, seed: int, n: int, m: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n + m, 6)).astype(np.float32)
    if kind == "copies":
        vectors = vectors[rng.integers(0, 4, size=n + m) % len(vectors)]
    component = bound(text)
    pool = example_set([f"task-{i % 3}" for i in range(n)])
    query = example_set([None] * m, side="unseen", prefix="query-")
    services = {"embeddings": {"pool": vectors[:n], "query": vectors[n:]}, "lengths": {"pool": np.arange(n) % 5}}
    orders = [
        component.arrange(context.of(component, pool, query, **services))
        for context in (NaiveContext, BlockwiseContext, HalfContext)
    ]
    for order in orders[1:]:
        np.testing.assert_array_equal(order.indices, orders[0].indices)
        np.testing.assert_allclose(order.scores, orders[0].scores, atol=1e-6)
