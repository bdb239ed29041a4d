"""Transforms behind arrangements and behind each other, as users write them."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from zsg_registry import Arrangement, Order, Registry, Transform, bind, parse_pipeline
from zsg_registry.testing import NaiveContext, example_set

ANGLES = np.linspace(0, 1.5, 10)
POOL = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1)
"""Ten examples, farther and farther from the one query example."""


def run(text: str) -> Order:
    pipeline = parse_pipeline(text)
    registry = Registry()

    def context(component: Arrangement | Transform) -> NaiveContext:
        return NaiveContext.of(
            component,
            example_set([None] * 10),
            example_set([None], side="unseen", prefix="query-"),
            embeddings={"pool": POOL, "query": POOL[:1]},
            lengths={"pool": np.arange(10, 20)},
        )

    arrangement = cast("Arrangement", bind(registry.component("arrangement", pipeline.head), pipeline.head))
    order = arrangement.arrange(context(arrangement))
    assert isinstance(order, Order)
    for reference in pipeline.transforms:
        transform = cast("Transform", bind(registry.component("transform", reference), reference))
        order = transform.apply(order, context(transform))
    return order


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tma[mode=nearest] | zigzag[folds=4] | head[n=5]", [0, 4, 8, 9, 5]),
        ("tma[mode=farthest] | fold[folds=2]", [9, 7, 5, 3, 1, 8, 6, 4, 2, 0]),
        ("nft | stair[sections=2,reach=0.2,folds=2] | reverse", [9, 8, 7, 6, 4, 5, 3, 2, 1, 0]),
        ("nft | saw[sections=2,reach=0.2,folds=2] | fold[folds=1]", [0, 1, 2, 3, 5, 6, 4, 7, 8, 9]),
        ("tma | shuffle-within", list(range(10))),  # turns of one
    ],
)
def test_a_pipe_is_its_parts_in_turn(text: str, expected: list[int]) -> None:
    assert run(text).indices.tolist() == expected


@pytest.mark.parametrize(
    "text",
    ["nft | fold | shuffle-within", "tma | jitter[window=4]", "nft | length-matched", "tma | shuffle[unit=step]"],
)
def test_a_random_pipe_is_the_same_order_each_time(text: str) -> None:
    order = run(text)
    assert sorted(order.indices.tolist()) == list(range(10))
    assert order.indices.tolist() == run(text).indices.tolist()


def test_passes_may_be_shuffled_within() -> None:
    order = run("nft | fold[folds=2] | shuffle-within")
    assert sorted(order.indices[:5].tolist()) == [0, 2, 4, 6, 8]
