"""The harness's similarity gives every arrangement the very order that the naive one gives, index for index."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_harness.services.similarity import BlockwiseSimilarity
from zsg_registry import Registry, bind, parse_reference
from zsg_registry.testing import NaiveContext, example_set

REFERENCES = [
    *(f"{name}[measure={measure}]" for name in ("nft", "fft") for measure in ("wsd", "avg", "min", "max", "centroid")),
    *(f"tma[mode={mode},within={within}]" for mode in ("nearest", "farthest") for within in ("index", "distance")),
    "tma[distance=euclidean]",
    "nft[measure=min,distance=euclidean]",
]


class BlockwiseContext(NaiveContext):
    """A naive context with the harness's similarity, in blocks so small that there are many."""

    def similarity(self, rows: Any, columns: Any, measure: Any = "cosine") -> Any:
        return BlockwiseSimilarity(rows, columns, measure, block_rows=5)


@pytest.mark.parametrize("text", REFERENCES)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 30), m=st.integers(1, 9), kind=st.sampled_from(["any", "copies"]))
def test_orders_agree(text: str, seed: int, n: int, m: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((n + m, 6)).astype(np.float32)
    if kind == "copies":
        vectors = vectors[rng.integers(0, 4, size=n + m) % len(vectors)]
    reference = parse_reference(text)
    component: Any = bind(Registry().component("arrangement", reference), reference)
    pool, query = example_set([None] * n), example_set([None] * m, side="unseen", prefix="query-")
    embeddings = {"pool": vectors[:n], "query": vectors[n:]}
    orders = [
        component.arrange(context.of(component, pool, query, embeddings=embeddings))
        for context in (NaiveContext, BlockwiseContext)
    ]
    np.testing.assert_array_equal(orders[0].indices, orders[1].indices)
    np.testing.assert_allclose(orders[0].scores, orders[1].scores, atol=1e-6)
