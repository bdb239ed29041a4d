"""The blockwise similarity against the dense float64 one."""

from __future__ import annotations

import tracemalloc
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
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


@given(matrices(), st.sampled_from(MEASURES), st.integers(1, 50), st.booleans(), st.integers(1, 9), st.booleans())
def test_top_k(
    pair: tuple[NDArray[np.float32], NDArray[np.float32]],
    measure: Measure,
    k: int,
    largest: bool,
    block: int,
    half: bool,
) -> None:
    rows, columns = pair
    expected = dense(rows, columns, measure) * (1 if largest else -1)
    found = BlockwiseSimilarity(rows, columns, measure, block_rows=block, half=half).top_k(k, largest)
    for column in range(len(columns)):
        order = np.argsort(-expected[:, column], kind="stable")[:k]
        assert found.values[column] * (1 if largest else -1) == pytest.approx(expected[order, column], abs=1e-6)
        assert found.rows[column].tolist() == order.tolist() or ties_only(
            expected[:, column], found.rows[column], order
        )


def ties_only(values: NDArray[np.float64], found: NDArray[np.int64], order: NDArray[np.int64]) -> bool:
    """Whether two orders differ only where float64 itself cannot tell the values apart."""
    return bool(np.allclose(values[found], values[order], rtol=0, atol=1e-12))


@given(matrices(), st.sampled_from(MEASURES), st.integers(1, 9), st.booleans())
def test_reductions(
    pair: tuple[NDArray[np.float32], NDArray[np.float32]], measure: Measure, block: int, half: bool
) -> None:
    rows, columns = pair
    expected = dense(rows, columns, measure)
    similarity = BlockwiseSimilarity(rows, columns, measure, block_rows=block, half=half)
    tolerance = 1e-11 if measure == "cosine" else 1e-6
    assert similarity.reduce("max") == pytest.approx(expected.max(axis=1), abs=tolerance)
    assert similarity.reduce("min") == pytest.approx(expected.min(axis=1), abs=tolerance)
    assert similarity.reduce("mean") == pytest.approx(expected.mean(axis=1), abs=tolerance)


@given(matrices(), st.booleans(), st.integers(1, 9), st.booleans())
def test_the_cursor_walks_through_all_rows(
    pair: tuple[NDArray[np.float32], NDArray[np.float32]], largest: bool, block: int, half: bool
) -> None:
    rows, columns = pair
    values = np.round(dense(rows, columns, "cosine"), 12) * (1 if largest else -1)
    cursor = BlockwiseSimilarity(rows, columns, "cosine", block_rows=block, half=half).cursor(largest)
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


@pytest.fixture(scope="module")
def crowd() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """3,000 rows and 70 columns in tight clusters, with copies: bfloat16 can tell hardly any apart."""
    rng = np.random.default_rng(1)
    centres = rng.standard_normal((12, 48))
    both = centres[rng.integers(12, size=3070)] + 0.03 * rng.standard_normal((3070, 48))
    both[rng.integers(3070, size=400)] = both[rng.integers(3070, size=400)]
    return both[:3000].astype(np.float32), both[3000:].astype(np.float32)


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("options", [{"half": True}, {"half": False}, {"half": True, "block_rows": 257}])
def test_crowded_rows_are_told_apart(
    crowd: tuple[NDArray[np.float32], NDArray[np.float32]], measure: Measure, options: dict[str, Any]
) -> None:
    rows, columns = crowd
    expected = np.round(dense(rows, columns, measure), 12)
    similarity = BlockwiseSimilarity(rows, columns, measure, **options)
    for largest, sign in ((True, -1), (False, 1)):
        nearest = np.argsort(sign * expected, axis=0, kind="stable")[:40].T
        assert np.array_equal(similarity.top_k(40, largest).rows, nearest)
        cursor = similarity.cursor(largest, picks=200)
        walked = []
        for _ in range(60):
            walked.append(cursor.peek(3))
            cursor.remove([walked[-1]])
        assert walked == np.argsort(sign * expected[:, 3], kind="stable")[:60].tolist()
    for how in ("min", "mean", "max"):
        tolerance = 1e-6 if measure == "euclidean" and how == "mean" else 2e-12
        np.testing.assert_allclose(similarity.reduce(how), getattr(expected, how)(axis=1), rtol=0, atol=tolerance)


@pytest.mark.parametrize("size", [1.003, 1.9])
def test_roundings_that_all_point_the_same_way(size: float) -> None:
    # Entries of one magnitude are all rounded alike, so that bfloat16 errs by as much as it possibly can.
    rng = np.random.default_rng(2)
    signs = rng.choice([-1, 1], size=(1500, 32)) * size
    rows = (signs + 1e-3 * rng.standard_normal(signs.shape)).astype(np.float32)
    columns = rows[rng.integers(1500, size=20)] * np.float32(1.0005)
    expected = np.round(dense(rows, columns, "cosine"), 12)
    similarity = BlockwiseSimilarity(rows, columns, half=True, block_rows=200)
    for largest, sign in ((True, -1), (False, 1)):
        nearest = np.argsort(sign * expected, axis=0, kind="stable")[:25].T
        assert np.array_equal(similarity.top_k(25, largest).rows, nearest)
    np.testing.assert_allclose(similarity.reduce("max"), expected.max(axis=1), rtol=0, atol=2e-12)


def test_rows_that_are_all_alike_are_kept_in_order_and_in_little_memory() -> None:
    rows, columns = np.ones((20_000, 8), np.float32), np.ones((30, 8), np.float32)
    columns[:, 0] = np.arange(30)  # thirty columns, each equally near to all rows
    tracemalloc.start()
    found = BlockwiseSimilarity(rows, columns, block_rows=512).top_k(5).rows
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.tolist() == [[0, 1, 2, 3, 4]] * 30
    assert peak < 8e6  # all pairs would be 10 MB in keys alone, and as much again in rows


def test_rows_may_be_in_a_file_and_columns_may_repeat(
    crowd: tuple[NDArray[np.float32], NDArray[np.float32]], tmp_path: Path
) -> None:
    rows, columns = crowd
    np.save(tmp_path / "rows.npy", rows)
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")
    twice = np.concatenate([columns, columns[::-1]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = BlockwiseSimilarity(mapped, twice).top_k(7)
    expected = BlockwiseSimilarity(rows, columns).top_k(7)
    assert np.array_equal(found.rows, np.concatenate([expected.rows, expected.rows[::-1]]))
    assert np.array_equal(found.values, np.concatenate([expected.values, expected.values[::-1]]))
    both = np.concatenate([columns, columns[:1]])
    mean = BlockwiseSimilarity(rows, both).reduce("mean")
    np.testing.assert_allclose(mean, dense(rows, both, "cosine").mean(axis=1), rtol=0, atol=2e-12)


def test_threads_change_nothing(crowd: tuple[NDArray[np.float32], NDArray[np.float32]]) -> None:
    before = torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            similarity = BlockwiseSimilarity(*crowd)
            found.append((similarity.top_k(30), similarity.reduce("max"), similarity.reduce("mean")))
    finally:
        torch.set_num_threads(before)
    for neighbours, greatest, mean in found[1:]:
        assert np.array_equal(neighbours.rows, found[0][0].rows)
        assert np.array_equal(neighbours.values, found[0][0].values)
        assert np.array_equal(greatest, found[0][1])
        assert np.array_equal(mean, found[0][2])


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


def test_a_block_of_more_rows_than_16_bits_can_count() -> None:
    rng = np.random.default_rng(5)
    rows, columns = (rng.standard_normal((count, 3)).astype(np.float32) for count in (70_000, 2))
    found = BlockwiseSimilarity(rows, columns, block_rows=70_000).reduce("max")
    np.testing.assert_allclose(found, dense(rows, columns, "cosine").max(axis=1), rtol=0, atol=1e-11)
