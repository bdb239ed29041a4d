"""Orders: what they accept, how they are cut, and the two hashes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zsg_registry import ContractError, Order, order_hash, set_hash


def test_fields_become_read_only_arrays_of_the_contracts_types() -> None:
    mine = np.array([2, 0, 1])
    order = Order(mine, stages=[0, 0, 1], stage_names=["a", "b"], scores=[0.5, 1, 2], steps=[1, 3])  # type: ignore[arg-type]
    mine[0] = 7  # the order has its own copy
    assert order.indices.tolist() == [2, 0, 1]
    assert [order.indices.dtype, order.stages.dtype, order.scores.dtype, order.steps.dtype] == [  # type: ignore[union-attr]
        np.int64, np.int32, np.float32, np.int64,
    ]  # fmt: skip
    assert order.stage_names == ("a", "b")
    with pytest.raises(ValueError, match="read-only"):
        order.indices[0] = 1


def test_an_empty_order_is_an_order() -> None:
    order = Order([], stages=[], scores=[], steps=[])  # type: ignore[arg-type]
    assert len(order) == 0
    assert order.step_ends(16).tolist() == []
    assert Order([]).step_ends(16).tolist() == []  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"indices": [0.0, 1.0]}, "indices must be a one-dimensional int64 array, not float64[2]"),
        ({"indices": [[0], [1]]}, "indices must be a one-dimensional int64 array, not int64[2, 1]"),
        ({"indices": [True, False]}, "not bool[2]"),
        ({"indices": ["0", "1"]}, "indices must be a one-dimensional int64 array"),
        ({"indices": np.array([2**63, 0], dtype=np.uint64)}, "indices has a value that int64 cannot hold"),
        ({"stages": [0]}, "stages must have one value for each of its 2 entries"),
        ({"stages": [0.5, 1]}, "stages must be a one-dimensional int32 array"),
        ({"stages": [0, 2**31]}, "stages has a value that int32 cannot hold"),
        ({"scores": [1.0, 2.0, 3.0]}, "scores must have one value for each of its 2 entries"),
        ({"stages": [0, 2], "stage_names": ["a", "b"]}, "stages must be numbers of its 2 stage_names"),
        ({"stage_names": ["a"]}, "stages must be numbers of its 1 stage_names"),
        ({"steps": [1]}, "must increase strictly and end at its length, 2"),
        ({"steps": [1, 1, 2]}, "must increase strictly"),
        ({"steps": [0, 2]}, "must increase strictly"),
        ({"steps": [2, 1]}, "must increase strictly"),
        ({"steps": []}, "must increase strictly and end at its length, 2"),
    ],
)
def test_what_is_not_an_order_is_refused_in_one_line(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(ContractError) as caught:
        Order(**({"indices": [0, 1]} | fields))
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.integers(0, 40), st.integers(1, 9))
def test_every_batch_size_entries_make_a_step_unless_the_order_says_otherwise(n: int, batch_size: int) -> None:
    ends = Order(np.arange(n)).step_ends(batch_size).tolist()
    batches = [list(range(n))[start : start + batch_size] for start in range(0, n, batch_size)]
    assert ends == [batch[-1] + 1 for batch in batches]
    assert Order(np.arange(3), steps=np.array([1, 3])).step_ends(batch_size).tolist() == [1, 3]


@given(st.lists(st.integers(1, 5), max_size=6), st.integers(0, 35))
def test_head_keeps_the_steps_and_ends_the_one_it_falls_into(lengths: list[int], n: int) -> None:
    total = sum(lengths)
    order = Order(np.arange(total), scores=np.arange(total), steps=np.cumsum(lengths, dtype=np.int64))  # type: ignore[arg-type]
    cut = order.head(n)
    assert cut.indices.tolist() == list(range(total))[:n]
    assert cut.scores.tolist() == cut.indices.tolist()  # type: ignore[union-attr]
    step_of = np.repeat(np.arange(len(lengths)), lengths)[:n]
    assert cut.step_ends(1).tolist() == np.cumsum([*np.unique(step_of, return_counts=True)[1]]).tolist()


def test_take_carries_stages_and_scores_and_drops_the_steps() -> None:
    order = Order([5, 6, 7], stages=[0, 1, 1], stage_names=("a", "b"), scores=[1, 2, 3], steps=[1, 3])  # type: ignore[arg-type]
    taken = order.take(np.array([2, 0]))
    assert taken.indices.tolist() == [7, 5]
    assert taken.stages.tolist() == [1, 0]  # type: ignore[union-attr]
    assert taken.scores.tolist() == [3, 1]  # type: ignore[union-attr]
    assert taken.stage_names == ("a", "b")
    assert taken.steps is None


def test_the_set_hash_ignores_order_and_counts_repeats() -> None:
    assert set_hash(["a", "b", "b"]) == set_hash(["b", "a", "b"])
    assert set_hash(["a", "b", "b"]) != set_hash(["a", "a", "b"])
    assert set_hash(["ab"]) != set_hash(["a", "b"])


def test_the_order_hash_knows_ids_their_sequence_and_the_step_ends() -> None:
    hashes = [
        order_hash(["a", "b"], [2]),
        order_hash(["b", "a"], [2]),
        order_hash(["a", "b"], [1, 2]),
        order_hash(["a", "b", "2"], []),
        order_hash(["ab"], [2]),
        order_hash(["a", "b"], [12]),
    ]
    assert len(set(hashes)) == len(hashes)


def test_the_hashes_are_frozen() -> None:
    assert set_hash(["b", "ä"]) == "6e38dfeebd6e8612"
    assert order_hash(["b", "ä"], [1, 2]) == "dceaa3145e53125d"
