"""Random signs keep inner products, as closely as the docstring promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from zsg_plugins.embedders import _projection
from zsg_plugins.embedders._projection import RademacherProjection
from zsg_registry import generator

CHANCE = 1e-9
"""That the bound does not hold, for each pair: some hundred pairs are drawn here."""


def projection(dimensions: int, seed: int) -> RademacherProjection:
    return RademacherProjection(dimensions, lambda block: generator("fixed", seed, "signs", block))


def bound(dimensions: int) -> float:
    """The least ε with 4 exp(−k (ε² / 4 − ε³ / 6)) ≤ CHANCE."""
    for error in np.arange(0.001, 1, 0.001):
        if 4 * math.exp(-dimensions * (error**2 / 4 - error**3 / 6)) <= CHANCE:
            return float(error)
    raise AssertionError("too few dimensions for any bound")


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32),
    dimensions=st.sampled_from([512, 1024, 2000]),
    size=st.integers(1, 3000),
    spread=st.floats(0, 8),
)
def test_inner_products_stay_within_the_bound(seed: int, dimensions: int, size: int, spread: float) -> None:
    rng = np.random.default_rng(seed)
    # From dense to nearly one-hot: gradients are of very unlike sizes.
    vectors = rng.normal(size=(4, size)) * np.exp(spread * rng.normal(size=size))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)

    short = projection(dimensions, seed)(torch.from_numpy(vectors)).numpy()

    assert short.shape == (4, dimensions)
    assert np.abs(short @ short.T - vectors @ vectors.T).max() <= bound(dimensions)


def test_inner_products_are_not_biased_and_spread_as_told() -> None:
    rng = np.random.default_rng(0)
    u, v = (vector / np.linalg.norm(vector) for vector in rng.normal(size=(2, 200)))
    found = []
    for seed in range(300):
        a, b = projection(64, seed)(torch.from_numpy(np.stack([u, v])))
        found.append(float(a @ b) - u @ v)
    assert abs(np.mean(found)) < 4 * math.sqrt(2 / 64) / math.sqrt(300)
    assert np.std(found) < 1.2 * math.sqrt(2 / 64)


def test_the_matrix_is_the_same_in_blocks_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_projection, "_SIGNS", 7 * 33)
    short = projection(33, 3)
    identity = short(torch.eye(20, dtype=torch.float64))
    assert torch.equal(identity.abs(), torch.full((20, 33), 1 / math.sqrt(33), dtype=torch.float64))
    assert len({tuple(row.tolist()) for row in identity}) == 20
    vectors = torch.randn(5, 20, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(short(vectors), vectors @ identity)
