"""Nearest and farthest first by the divergence of pairs of words."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from zsg_plugins.arrangements.nft import FarthestFirst, NearestFirst
from zsg_registry import Access, ContractError, Need, Order, ZsgError, bind, parse_reference
from zsg_registry.testing import NaiveContext, example_set

POOL = ["quite other words", "sum two numbers", "sum", "sum two apples", "sum two numbers"]
QUERY = ["sum two numbers", "sum two pears"]


def arranged(component: Any, query: list[str] = QUERY, **options: Any) -> Order:
    pool = example_set([None] * len(POOL), prompts=POOL)
    queries = example_set([None] * len(query), prompts=query, side="unseen", prefix="query-")
    return component.arrange(NaiveContext.of(component, pool, queries, **options))


def test_texts_are_sorted_by_their_divergence_ties_to_the_lowest_index() -> None:
    # The query's bigrams: "sum two" twice, "two numbers" and "two pears" once each.
    numbers = math.log(1 / 2) - (math.log(1 / 2) + math.log(1 / 4)) / 2
    apples = math.log(1 / 2) - (math.log(1 / 2) + math.log(1e-10)) / 2
    other, none = math.log(1 / 2) - math.log(1e-10), -math.log(1e-10)
    divergences = np.array([other, numbers, none, apples, numbers])
    for component, expected in (
        (NearestFirst(measure="kl", view="prompt"), [1, 4, 3, 0, 2]),
        (FarthestFirst(measure="kl", view="prompt"), [2, 0, 3, 1, 4]),
    ):
        order = arranged(component)
        assert order.indices.tolist() == expected
        np.testing.assert_allclose(order.scores, divergences[expected], rtol=1e-6)
        assert arranged(component, budget=2).indices.tolist() == expected[:2]


@pytest.mark.parametrize("view", ["prompt", "instruction", "completion", "both"])
def test_no_embedder_is_needed_and_only_the_views_access(view: str) -> None:
    needed = Access.ANSWERS if view in ("completion", "both") else Access.PROMPTS
    for component in (NearestFirst(measure="kl", view=view), FarthestFirst(measure="kl", view=view)):
        assert (component.needs, component.access, component.stochastic) == (frozenset(), needed, False)
        assert len(arranged(component)) == len(POOL)
        if needed is Access.ANSWERS:
            with pytest.raises(ContractError, match="withheld"):
                arranged(component, access=Access.PROMPTS)
    assert NearestFirst().needs == {Need.EMBEDDER}


def test_words_have_no_distance() -> None:
    with pytest.raises(ZsgError, match="arrangement 'nft': measure=kl compares words, not embeddings: leave 'dis"):
        bind(NearestFirst, parse_reference("nft[measure=kl,distance=euclidean]"))


def test_without_a_query_example_there_is_nothing_to_be_near_to() -> None:
    with pytest.raises(ZsgError, match="no query examples"):
        arranged(NearestFirst(measure="kl"), query=[])
