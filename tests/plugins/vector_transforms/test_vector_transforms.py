"""Vectors around the pool's mean, and of the same variance everywhere; each by itself, from files, in blocks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from zsg_plugins.vector_transforms import _moments
from zsg_plugins.vector_transforms.center import Center
from zsg_plugins.vector_transforms.whiten import Whiten
from zsg_registry import ZsgError


@pytest.fixture
def pool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """Vectors with a large common direction, mapped from a file and read in blocks."""
    monkeypatch.setattr(_moments, "_BLOCK", 64)
    rng = np.random.default_rng(0)
    made = rng.normal(size=(500, 6)) @ rng.normal(size=(6, 6)) + 10
    np.save(tmp_path / "pool.npy", made.astype(np.float32))
    mapped: np.ndarray = np.load(tmp_path / "pool.npy", mmap_mode="r")
    return mapped


@pytest.fixture
def query() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(9, 6)).astype(np.float32)


def test_center(pool: np.ndarray, query: np.ndarray) -> None:
    centered = Center().fit(pool)
    assert centered(pool).dtype == np.float32
    np.testing.assert_allclose(centered(pool).mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(centered(query), query - pool.mean(axis=0), atol=1e-5)


def test_whiten(pool: np.ndarray, query: np.ndarray) -> None:
    whitened = Whiten().fit(pool)
    assert whitened(pool).dtype == np.float32
    np.testing.assert_allclose(whitened(pool).mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(np.cov(whitened(pool), rowvar=False, bias=True), np.eye(6), atol=1e-3)
    # What counts of it is the Mahalanobis product, whatever the axes.
    inverse = np.linalg.inv(np.cov(pool.astype(np.float64), rowvar=False, bias=True))
    around = query - pool.astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(whitened(query) @ whitened(query).T, around @ inverse @ around.T, rtol=1e-3)
    for row in range(len(query)):
        np.testing.assert_allclose(whitened(query[row : row + 1])[0], whitened(query)[row], rtol=1e-6)


def test_the_directions_of_the_greatest_variance(pool: np.ndarray) -> None:
    from sklearn.decomposition import PCA

    found = Whiten(dimensions=2).fit(pool)(pool)
    expected = PCA(2, whiten=True).fit_transform(pool.astype(np.float64))
    np.testing.assert_allclose(np.abs(found), np.abs(expected), atol=1e-2)


def test_directions_in_which_the_pool_does_not_vary(pool: np.ndarray) -> None:
    wide = np.hstack([pool, pool[:, :1], np.full((len(pool), 2), 3, dtype=np.float32)])
    assert Whiten().fit(wide)(wide).shape == (500, 6)
    assert Whiten(dimensions=50).fit(wide)(wide).shape == (500, 6)


@pytest.mark.parametrize("value", [0.1, 1000.3])
def test_a_pool_of_one_vector(value: float) -> None:
    with pytest.raises(ZsgError, match=r"^vector transform 'whiten': the pool's vectors are all the same$"):
        Whiten().fit(np.full((40, 3), value, dtype=np.float32))
