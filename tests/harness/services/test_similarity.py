"""The blockwise similarity against the dense float64 one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from zsg_harness.services.similarity import BlockwiseSimilarity
from zsg_registry import ContractError, Measure

MEASURES: list[Measure] = ["cosine", "euclidean"]


def dense(rows: NDArray[np.float32], columns: NDArray[np.float32], measure: Measure) -> NDArray[np.float64]:
    """Every pair in float64, from vectors that were normalised in float64 and rounded to float32."""

    def unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        wide = vectors.astype(np.float64)
        return (wide / np.sqrt((wide**2).sum(axis=1))[:, None]).astype(np.float32)

    if measure == "cosine":
        left, right = (unit(side).astype(np.float64) for side in (rows, columns))
        return np.stack([(left * column).sum(axis=1) for column in right], axis=1)
    left, right = rows.astype(np.float64), columns.astype(np.float64)
    return -np.stack([np.sqrt(((left - column) ** 2).sum(axis=1)) for column in right], axis=1)


@st.composite
def matrices(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Rows and columns with many duplicates and exact ties among them."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, m, d = draw(st.integers(1, 40)), draw(st.integers(1, 12)), draw(st.integers(1, 6))
    if draw(st.booleans()):
        values = rng.integers(-1, 2, size=(n + m, d)).astype(np.float32)
        values[np.abs(values).sum(axis=1) == 0, 0] = 1
    else:
        values = rng.standard_normal((n + m, d)).astype(np.float32)
        values[rng.integers(0, n + m, size=n // 2)] = values[0]
    return values[:n], values[n:]


@given(matrices(), st.sampled_from(MEASURES), st.integers(1, 50), st.booleans(), st.integers(1, 9))
def test_top_k(
    pair: tuple[NDArray[np.float32], NDArray[np.float32]], measure: Measure, k: int, largest: bool, block: int
) -> None:
    rows, columns = pair
    expected = dense(rows, columns, measure) * (1 if largest else -1)
    found = BlockwiseSimilarity(rows, columns, measure, block).top_k(k, largest)
    for column in range(len(columns)):
        order = np.argsort(-expected[:, column], kind="stable")[:k]
        assert found.values[column] * (1 if largest else -1) == pytest.approx(expected[order, column], abs=1e-6)
        assert found.rows[column].tolist() == order.tolist() or ties_only(
            expected[:, column], found.rows[column], order
        )


def ties_only(values: NDArray[np.float64], found: NDArray[np.int64], order: NDArray[np.int64]) -> bool:
    """Whether two orders differ only where float64 itself cannot tell the values apart."""
    return bool(np.allclose(values[found], values[order], rtol=0, atol=1e-12))


@given(matrices(), st.sampled_from(MEASURES), st.integers(1, 9))
def test_reductions(pair: tuple[NDArray[np.float32], NDArray[np.float32]], measure: Measure, block: int) -> None:
    rows, columns = pair
    expected = dense(rows, columns, measure)
    similarity = BlockwiseSimilarity(rows, columns, measure, block)
    tolerance = 1e-11 if measure == "cosine" else 1e-6
    assert similarity.reduce("max") == pytest.approx(expected.max(axis=1), abs=tolerance)
    assert similarity.reduce("min") == pytest.approx(expected.min(axis=1), abs=tolerance)
    assert similarity.reduce("mean") == pytest.approx(expected.mean(axis=1), abs=tolerance)


@given(matrices(), st.booleans(), st.integers(1, 9))
def test_the_cursor_walks_through_all_rows(
    pair: tuple[NDArray[np.float32], NDArray[np.float32]], largest: bool, block: int
) -> None:
    rows, columns = pair
    values = np.round(dense(rows, columns, "cosine"), 12) * (1 if largest else -1)
    cursor = BlockwiseSimilarity(rows, columns, "cosine", block).cursor(largest)
    alive = np.ones(len(rows), dtype=bool)
    while alive.any():
        picks = cursor.peek_all()
        best = np.where(alive[:, None], values, -np.inf)
        assert alive[picks].all()
        assert values[picks, np.arange(len(columns))] == pytest.approx(best.max(axis=0), abs=1e-9)
        assert cursor.peek(0) == picks[0]
        cursor.remove(picks)
        alive[picks] = False
    assert (cursor.peek_all() == -1).all()


def test_lists_that_run_out_are_extended() -> None:
    rng = np.random.default_rng(0)
    rows, columns = rng.standard_normal((2000, 8)).astype(np.float32), rng.standard_normal((3, 8)).astype(np.float32)
    cursor = BlockwiseSimilarity(rows, columns).cursor()
    expected = np.argsort(-dense(rows, columns, "cosine")[:, 1], kind="stable")
    walked = []
    for _ in range(2000):
        walked.append(cursor.peek(1))
        cursor.remove([walked[-1]])
    assert walked == expected.tolist()


@pytest.mark.parametrize(
    ("rows", "columns", "reason"),
    [
        (np.ones((3, 2)), np.ones((3, 4)), "matrices of one width"),
        (np.ones((3, 2)), np.ones((0, 2)), "at least one row and one column"),
        (np.ones((3, 2)), np.zeros((1, 2)), "zero or not a number"),
        (np.ones((3, 2)), np.full((1, 2), np.nan), "zero or not a number"),
    ],
)
def test_unusable_matrices(rows: NDArray[np.float32], columns: NDArray[np.float32], reason: str) -> None:
    with pytest.raises(ContractError, match=reason):
        BlockwiseSimilarity(rows.astype(np.float32), columns.astype(np.float32))
