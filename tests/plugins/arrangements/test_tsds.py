"""TSDS, against its linear program and against plain loops over its closed form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from zsg_plugins.arrangements.tsds import TaskSpecificSelection as Tsds
from zsg_registry import Access, ZsgError

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 12), "m": st.integers(1, 5)}
Fixture = Callable[..., Any]


def distance(x: np.ndarray, y: np.ndarray, kind: str) -> float:
    wide = [v.astype(np.float64) for v in (x, y)]
    if kind == "cosine":
        wide = [v / math.sqrt(v @ v) for v in wide]
    return math.sqrt(((wide[0] - wide[1]) ** 2).sum())


def densities(pool: np.ndarray, sigma: float, kind: str) -> list[float]:
    return [sum(max(0.0, 1 - (distance(x, y, kind) / sigma) ** 2) for y in pool) for x in pool]


def greedy_plan(far: np.ndarray, rho: list[float], s: float) -> np.ndarray:
    """Every query example fills its neighbours, nearest first, with 1 / (M s ρ) each until its 1/M is spent."""
    m, n = far.shape
    plan = np.zeros((m, n))
    for i in range(m):
        left = 1 / m
        for j in sorted(range(n), key=lambda j: (far[i, j], j)):
            plan[i, j] = min(left, 1 / (m * s * rho[j]))
            left -= plan[i, j]
    return plan


def objective(plan: np.ndarray, far: np.ndarray, rho: list[float], alpha: float, c: float) -> float:
    return float(alpha / c * (plan * far).sum() + (1 - alpha) * len(far) * (plan * np.array(rho)).max())


def linear_program(far: np.ndarray, rho: list[float], alpha: float, c: float) -> float:
    """The least value of the objective, with t = max ρ_j γ_ij as a variable of its own."""
    m, n = far.shape
    above = np.hstack([np.diag(np.tile(rho, m)), -np.ones((m * n, 1))])
    sums = np.hstack([np.kron(np.eye(m), np.ones((1, n))), np.zeros((m, 1))])
    weights = np.append(alpha / c * far.ravel(), (1 - alpha) * m)
    found = linprog(weights, A_ub=above, b_ub=np.zeros(m * n), A_eq=sums, b_eq=np.full(m, 1 / m))
    assert found.success
    return float(found.fun)


def drawn_probabilities(component: Tsds, context: Any) -> np.ndarray:
    order = component.arrange(context)
    probabilities = np.zeros(len(context.pool))
    probabilities[order.indices] = order.scores
    return probabilities


@given(
    kind=kinds,
    dist=distances,
    seed=seeds,
    alpha=st.sampled_from([0.1, 0.5, 0.9, 1.0]),
    c=st.sampled_from([0.3, 5.0]),
    sigma=st.sampled_from([0.2, 1.5]),
    **sizes,
)
@settings(max_examples=60)
def test_the_probabilities_are_an_optimum_of_the_papers_problem(
    vectors: Fixture,
    context_of: Fixture,
    kind: str,
    dist: str,
    seed: int,
    alpha: float,
    c: float,
    sigma: float,
    **n_m: int,
) -> None:
    pool, query = vectors(kind, n_m["n"], n_m["m"], seed)
    far = np.array([[distance(x, q, dist) for x in pool] for q in query])
    rho = densities(pool, sigma, dist)
    # The optimum by definition, and the best of the greedy plans, whose s is always the sum of some 1/ρ.
    least = linear_program(far, rho, alpha, c)
    ends = [sum(1 / rho[j] for j in sorted(range(len(pool)), key=lambda j: (row[j], j))[: k + 1])
            for row in far for k in range(len(pool))]  # fmt: skip
    best = min(ends, key=lambda s: (round(objective(greedy_plan(far, rho, s), far, rho, alpha, c), 9), s))
    assert objective(greedy_plan(far, rho, best), far, rho, alpha, c) == pytest.approx(least, abs=1e-7)

    component = Tsds(alpha=alpha, c=c, sigma=sigma, distance=dist, repeats=True)
    context = context_of(component, pool, query, budget=len(pool) * 200)
    found = drawn_probabilities(component, context)
    expected = greedy_plan(far, rho, best).sum(axis=0)
    if objective(greedy_plan(far, rho, best * 1.01), far, rho, alpha, c) > least + 1e-6:  # no second optimum nearby
        seen = found > 0  # an improbable example may not have been drawn
        np.testing.assert_allclose(found[seen], expected[seen], atol=1e-3)
        assert expected[~seen].sum() < 0.1


def test_densities_and_probabilities_by_hand(context_of: Fixture) -> None:
    # Widths in units of σ = 0.2: 0 and 0.1 are half a width apart, kernel 3/4.
    pool = np.array([[0.0], [0.0], [0.1], [5.0]], np.float32)
    component = Tsds(distance="euclidean", sigma=0.2, alpha=1e-9)
    probabilities = drawn_probabilities(component, context_of(component, pool, np.array([[0.0]], np.float32)))
    inverse = np.array([1 / 2.75, 1 / 2.75, 1 / 2.5, 1 / 1])  # all the weight on diversity: in proportion to 1/ρ
    np.testing.assert_allclose(probabilities, inverse / inverse.sum(), rtol=1e-5)
    # At most two near-duplicates in a density: the two zeros are near only to each other, 0.1 only to one of them.
    component = Tsds(distance="euclidean", sigma=0.2, alpha=1e-9, kde_k=2)
    probabilities = drawn_probabilities(component, context_of(component, pool, np.array([[0.0]], np.float32)))
    inverse = np.array([1 / 2, 1 / 2, 1 / 1.75, 1 / 1])
    np.testing.assert_allclose(probabilities, inverse / inverse.sum(), rtol=1e-5)


def test_the_optimum_by_hand(context_of: Fixture) -> None:
    # No near-duplicates, one query example at 0, neighbours at distance 1, 2, 4 and 8: with s = k + 1 examples the
    # slope is (2−1) = 1, (4−1) + (4−2) = 5, (8−1) + (8−2) + (8−4) = 17. The weight (1 − α) C / α is C at α = 1/2.
    pool, query = np.array([[8.0], [1.0], [4.0], [2.0]], np.float32), np.array([[0.0]], np.float32)
    for c, expected in ((0.9, [0, 1, 0, 0]), (1.1, [0, 1, 0, 1]), (4.9, [0, 1, 0, 1]), (5.1, [0, 1, 1, 1]),
                        (17.1, [1, 1, 1, 1])):  # fmt: skip
        component = Tsds(distance="euclidean", sigma=0, c=c, repeats=True)
        probabilities = drawn_probabilities(component, context_of(component, pool, query, budget=99))
        np.testing.assert_allclose(probabilities, np.array(expected) / sum(expected), rtol=1e-6)


def test_near_duplicates_share_what_one_example_would_get(context_of: Fixture) -> None:
    query = np.array([[1, 0, 0]], np.float32)
    lone, copied = [1, 0.5, 0], [1, 0, 0.5]  # equally near
    pool = np.array([lone, copied, copied, copied, copied], np.float32)
    component = Tsds(alpha=0.01)
    probabilities = drawn_probabilities(component, context_of(component, pool, query))
    np.testing.assert_allclose(probabilities, [0.5, 0.125, 0.125, 0.125, 0.125], rtol=1e-5)
    uniform = Tsds(alpha=0.01, sigma=0)
    probabilities = drawn_probabilities(uniform, context_of(uniform, pool, query))
    np.testing.assert_allclose(probabilities, np.full(5, 0.2), rtol=1e-5)


@given(kind=kinds, dist=distances, seed=seeds, repeats=st.booleans(), data=st.data(), **sizes)
@settings(max_examples=60)
def test_the_budget_is_met_and_a_seed_gives_one_order(
    vectors: Fixture, context_of: Fixture, kind: str, dist: str, seed: int, repeats: bool, data: Any, n: int, m: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    budget = data.draw(st.integers(1, 2 * n if repeats else n))
    alpha = data.draw(st.sampled_from([0.01, 0.5, 1.0]))
    component = Tsds(distance=dist, alpha=alpha, repeats=repeats, k=data.draw(st.integers(1, n)))
    assert component.repeats is repeats
    order = component.arrange(context_of(component, pool, query, budget=budget, seed=seed))
    again = component.arrange(context_of(component, pool, query, budget=budget, seed=seed))
    assert order.indices.tolist() == again.indices.tolist()
    assert len(order) == budget
    assert repeats or len(set(order.indices.tolist())) == budget


def test_more_diversity_only_until_the_budget_is_reached(vectors: Fixture, context_of: Fixture) -> None:
    pool, query = vectors("random", 40, 5, 3)
    far = np.array([[distance(x, q, "cosine") for x in pool] for q in query])
    component = Tsds(alpha=1.0, sigma=0)  # the optimum alone: the nearest of each query example
    optimum = Tsds(alpha=1.0, sigma=0, repeats=True)
    probabilities = drawn_probabilities(optimum, context_of(optimum, pool, query, budget=500))
    expected = Counter(int(i) for i in far.argmin(axis=1))
    assert {int(i): round(5 * probabilities[i]) for i in np.flatnonzero(probabilities)} == expected
    for budget in (10, 25, 40):
        order = component.arrange(context_of(component, pool, query, budget=budget))
        enough = next(s for s in range(1, 41) if (greedy_plan(far, [1.0] * 40, s).sum(axis=0) > 1e-9).sum() >= budget)
        plan = greedy_plan(far, [1.0] * 40, enough).sum(axis=0)
        np.testing.assert_allclose(order.scores, plan[order.indices], rtol=1e-5)


def test_beyond_the_candidates_the_nearest_follow(vectors: Fixture, context_of: Fixture) -> None:
    pool, query = vectors("random", 30, 1, 4)
    query = query.repeat(4, axis=0)  # four lists of the same 15 examples
    component = Tsds(k=1)
    order = component.arrange(context_of(component, pool, query))
    by_distance = sorted(range(30), key=lambda i: (distance(pool[i], query[0], "cosine"), i))
    assert set(order.indices[:15].tolist()) == set(by_distance[:15])
    assert order.indices[15:].tolist() == by_distance[15:]
    assert np.all(order.scores[:15] > 0)
    assert not order.scores[15:].any()


@pytest.mark.parametrize("repeats", [True, False])
def test_draws_follow_the_probabilities(vectors: Fixture, context_of: Fixture, repeats: bool) -> None:
    pool, query = vectors("positive", 12, 3, 8)
    component = Tsds(alpha=0.05, repeats=repeats)
    probabilities = drawn_probabilities(Tsds(alpha=0.05), context_of(component, pool, query))
    firsts: Counter[int] = Counter()
    seconds: Counter[int] = Counter()
    for seed in range(1000):
        first, second = component.arrange(context_of(component, pool, query, budget=2, seed=seed)).indices.tolist()
        firsts[first] += 1
        seconds[second] += 1
    # Without replacement the second comes with p_i · Σ_{j ≠ i} p_j / (1 − p_j).
    others = np.array([sum(p / (1 - p) for j, p in enumerate(probabilities) if j != i) for i in range(12)])
    expected = probabilities if repeats else probabilities * others
    noise = 5 * np.sqrt(0.25 / 1000)
    np.testing.assert_allclose([firsts[i] / 1000 for i in range(12)], probabilities, atol=noise)
    np.testing.assert_allclose([seconds[i] / 1000 for i in range(12)], expected, atol=noise)


def test_declarations(context_of: Fixture) -> None:
    assert Tsds().stochastic
    assert Tsds(view="prompt").access is Access.PROMPTS
    with pytest.raises(ZsgError, match="no query examples"):
        Tsds().arrange(context_of(Tsds(), np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32)))
    with pytest.raises(ValueError, match="alpha"):
        Tsds(alpha=0)
