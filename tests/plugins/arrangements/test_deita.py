"""Score first, then diverse: against DEITA's loop over examples."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_plugins.arrangements.deita import Deita
from zsg_registry import Access, Need, ZsgError, bind, parse_reference

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 14), "m": st.integers(1, 6)}
Fixture = Callable[..., Any]


class InSmallBlocks(Deita):
    """Blocks so small that small pools have many."""

    block = 3


@pytest.mark.parametrize("arrangement", [Deita, InSmallBlocks])
@given(kind=kinds, threshold=st.sampled_from([-0.3, 0.0, 0.5, 0.9, 0.9999, 1.0, 1.1]), n=sizes["n"], seed=seeds)
def test_examples_too_similar_to_a_better_one_are_put_off(
    arrangement: type[Deita],
    vectors: Fixture,
    context_of: Fixture,
    distance: Fixture,
    kind: str,
    threshold: float,
    n: int,
    seed: int,
) -> None:
    pool, query = vectors(kind, n, 1, seed)
    lengths = np.random.default_rng(seed).integers(1, 6, size=n)
    taken: list[int] = []
    put_off: list[int] = []
    for i in sorted(range(n), key=lambda i: (-lengths[i], i)):
        too_similar = any(round(-distance(pool[i], pool[j], "cosine"), 12) >= threshold for j in taken)
        (put_off if too_similar else taken).append(i)
    component = arrangement(threshold=threshold)
    for budget in range(1, n + 1):
        order = component.arrange(context_of(component, pool, query, lengths={"pool": lengths}, budget=budget))
        assert order.indices.tolist() == (taken + put_off)[:budget]
        assert order.scores.tolist() == lengths[order.indices].tolist()
        names = ["diverse"] * len(taken) + ["similar"] * len(put_off)
        assert [order.stage_names[stage] for stage in order.stages] == names[:budget]


def test_what_is_near_an_example_that_was_put_off_is_not_put_off_for_it(context_of: Fixture) -> None:
    angles = np.array([0.0, 0.4, 0.8])  # neighbours have the cosine .92, the ends .70
    pool = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    component = Deita()
    order = component.arrange(context_of(component, pool, pool[:1], lengths={"pool": [3, 2, 1]}))
    assert order.indices.tolist() == [0, 2, 1]


def test_scores_from_a_file_and_the_least_first(context_of: Fixture, tmp_path: Path) -> None:
    file = tmp_path / "scores.csv"
    file.write_text("id,score\nexample-0,3\nexample-1,1\nexample-2,2\n")
    component = bind(Deita, parse_reference(f"deita[by=file,file={file},direction=ascending]"))
    pool = np.eye(3, dtype=np.float32)
    order = component.arrange(context_of(component, pool, pool[:1]))
    assert order.indices.tolist() == [1, 2, 0]


def test_declarations(context_of: Fixture) -> None:
    component = Deita()
    assert (component.access, component.stochastic) == (Access.NONE, False)
    assert component.needs == {Need.EMBEDDER, Need.TOKENIZER}
    assert Deita(by="loss").needs == {Need.EMBEDDER, Need.LOSSES}
    with pytest.raises(ZsgError, match="parameter 'threshold': should be greater than or equal to -1"):
        bind(Deita, parse_reference("deita[threshold=-2]"))
