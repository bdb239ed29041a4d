"""Optimal transport, against its optimality conditions, a linear program, and plain loops."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from zsg_plugins.arrangements import optimal_transport
from zsg_plugins.arrangements.optimal_transport import OptimalTransport
from zsg_registry import Access, Need, ZsgError

kinds = st.sampled_from(["random", "positive", "clustered", "tied", "duplicated", "all equal"])
distances = st.sampled_from(["cosine", "euclidean"])
seeds = st.integers(0, 10**6)
sizes = {"n": st.integers(1, 14), "m": st.integers(1, 6)}
Fixture = Callable[..., Any]


def dense_costs(pool: np.ndarray, query: np.ndarray, distance: str) -> np.ndarray:
    """The whole cost matrix in [0, 1], pair by pair."""
    costs = np.empty((len(pool), len(query)))
    for i, x in enumerate(pool.astype(np.float64)):
        for j, y in enumerate(query.astype(np.float64)):
            if distance == "euclidean":
                costs[i, j] = math.sqrt(((x - y) ** 2).sum())
            else:
                costs[i, j] = (1 - x @ y / math.sqrt((x @ x) * (y @ y))) / 2
    if distance == "euclidean" and costs.max() > 0:
        costs /= costs.max()
    return costs


def nearest_first(costs: np.ndarray, rows: list[int]) -> list[int]:
    return sorted(rows, key=lambda i: (round(costs[i].min(), 6), i))


def masses_of(component: OptimalTransport, context: Any) -> tuple[list[int], np.ndarray]:
    """The order, and the mass of each pool example that is in it (0 elsewhere)."""
    order = component.arrange(context)
    masses = np.zeros(len(context.pool))
    masses[order.indices] = order.scores
    return order.indices.tolist(), masses


@given(
    kind=kinds,
    distance=distances,
    seed=seeds,
    epsilon=st.sampled_from([0.002, 0.01, 0.3]),
    penalty=st.sampled_from([1e-4, 0.01, 0.1]),
    **sizes,
)
@settings(max_examples=60)
def test_unbalanced_masses_satisfy_the_optimality_conditions(
    vectors: Fixture,
    context_of: Fixture,
    kind: str,
    distance: str,
    seed: int,
    epsilon: float,
    penalty: float,
    n: int,
    m: int,
) -> None:
    pool, query = vectors(kind, n, m, seed)
    costs = dense_costs(pool, query, distance)
    component = OptimalTransport(distance=distance, regularization=epsilon, marginal=penalty, candidates=n)
    order, masses = masses_of(component, context_of(component, pool, query))
    assert sorted(order) == list(range(n))
    assert masses.sum() == pytest.approx(1, abs=1e-5)
    # The problem is strictly convex. At its optimum T_ij ∝ exp((f_i + g_j − cost_ij) / ε) with f_i = −λ log(N mass_i),
    # and g such that every query example receives 1/M: so the masses determine the plan, and it must give them back.
    sends = np.maximum(masses, 1e-300)
    kernel = np.exp((-penalty * np.log(n * sends)[:, None] - costs) / epsilon)
    plan = kernel / kernel.sum(axis=0) / m
    np.testing.assert_allclose(plan.sum(axis=1), masses, rtol=2e-3, atol=1e-6)
    assert np.all(np.diff(masses[order]) <= 1e-8)


def best_cost(costs: np.ndarray, cap: np.ndarray, equal: bool) -> float:
    """The least cost of sending 1/M to every column when row i sends at most (or exactly) cap_i: a linear program."""
    n, m = costs.shape
    rows, columns = np.kron(np.eye(n), np.ones((1, m))), np.kron(np.ones((1, n)), np.eye(m))
    demand = np.full(m, 1 / m)
    if equal:  # one of the equations follows from the others, and rounding must not make them contradict each other
        cap = cap / cap.sum()
        found = linprog(costs.ravel(), A_eq=np.vstack([rows, columns[1:]]), b_eq=np.append(cap, demand[1:]))
    else:
        found = linprog(costs.ravel(), A_ub=rows, b_ub=cap, A_eq=columns, b_eq=demand)
    assert found.success
    return float(found.fun)


@given(kind=kinds, distance=distances, seed=seeds, data=st.data(), **sizes)
@settings(max_examples=40)
def test_balanced_masses_are_those_of_a_nearly_cheapest_transport(
    vectors: Fixture, context_of: Fixture, kind: str, distance: str, seed: int, data: Any, n: int, m: int
) -> None:
    pool, query = vectors(kind, n, m, seed)
    budget = data.draw(st.integers(1, n))
    costs = dense_costs(pool, query, distance)
    epsilon = 0.005
    component = OptimalTransport(balance="balanced", regularization=epsilon, distance=distance, candidates=n)
    # All masses, not only those of the budget.
    masses = component._masses(costs, budget)
    assert masses.sum() == pytest.approx(1, abs=1e-9)
    assert masses.max() <= (1 + 1e-6) / budget
    exact = best_cost(costs, np.full(n, 1 / budget), equal=False)
    entropy = epsilon * math.log(n * (m + 1)) * n / budget  # the most that an entropy of this weight can cost
    assert exact - 1e-3 <= best_cost(costs, masses, equal=True) <= exact + entropy + 1e-3
    order, scores = masses_of(component, context_of(component, pool, query, budget=budget))
    np.testing.assert_allclose(scores[order], masses[order], rtol=1e-4, atol=1e-7)
    assert np.all(np.diff(masses[order]) <= 1e-8)
    assert masses[order].sum() == pytest.approx(np.sort(masses)[-budget:].sum(), abs=1e-6)


def test_balanced_uses_the_budget_evenly_where_unbalanced_prefers_hubs(context_of: Fixture) -> None:
    # Example 0 is the nearest of all three query examples; 1, 2 and 3 are each near to one of them.
    query = np.array([[1, 0.3, 0, 0], [1, 0, 0.3, 0], [1, 0, 0, 0.3]], np.float32)
    pool = np.array([[1, 0, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0], [1, 0, 0, 1], [-1, 0, 0, 0]], np.float32)
    balanced, unbalanced = OptimalTransport(balance="balanced", regularization=0.002), OptimalTransport()
    _, even = masses_of(balanced, context_of(balanced, pool, query, budget=4))
    _, hubs = masses_of(unbalanced, context_of(unbalanced, pool, query, budget=4))
    np.testing.assert_allclose(even, [0.25, 0.25, 0.25, 0.25, 0], atol=1e-4)
    assert hubs[0] > 0.5 > 10 * hubs[1]


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_the_whole_pool_in_balance_is_a_sort_by_the_nearest(
    vectors: Fixture, context_of: Fixture, distance: str
) -> None:
    pool, query = vectors("random", 20, 4, 1)
    component = OptimalTransport(balance="balanced", distance=distance)
    order, masses = masses_of(component, context_of(component, pool, query))
    np.testing.assert_allclose(masses, 1 / 20, rtol=1e-6)
    assert order == nearest_first(dense_costs(pool, query, distance), list(range(20)))


@pytest.mark.parametrize("balance", ["unbalanced", "balanced"])
@pytest.mark.parametrize("kind", ["tied", "duplicated", "all equal", "clustered"])
@pytest.mark.parametrize(("n", "m"), [(12, 4), (3, 7), (9, 1), (1, 1), (1, 5)])
def test_equal_examples_come_in_pool_order(
    vectors: Fixture, context_of: Fixture, balance: str, kind: str, n: int, m: int
) -> None:
    pool, query = vectors(kind, n, m, 5)
    component = OptimalTransport(balance=balance)
    for budget in {1, (n + 1) // 2, n}:
        order, masses = masses_of(component, context_of(component, pool, query, budget=budget))
        assert len(order) == len(set(order)) == budget
        assert order == component.arrange(context_of(component, pool, query, budget=budget)).indices.tolist()
        for value in np.unique(pool, axis=0):
            same = [i for i in order if (pool[i] == value).all()]
            assert same == sorted(same)
            np.testing.assert_allclose(masses[same], masses[same[:1]].repeat(len(same)), rtol=1e-6)


def test_what_is_not_on_the_shortlist_comes_last_nearest_first(vectors: Fixture, context_of: Fixture) -> None:
    pool, query = vectors("random", 60, 3, 2)
    costs = dense_costs(pool, query, "cosine")
    component = OptimalTransport(candidates=4)
    order, masses = masses_of(component, context_of(component, pool, query))  # twice the budget is 40 for each
    listed = {int(i) for column in costs.T for i in np.argsort(column, kind="stable")[:40]}
    assert 40 <= len(listed) < 60
    assert set(order[: len(listed)]) == listed == {i for i in range(60) if masses[i] > 0}
    assert order[len(listed) :] == nearest_first(costs, [i for i in range(60) if i not in listed])


def test_the_cost_matrix_stays_within_its_bound(
    vectors: Fixture, context_of: Fixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(optimal_transport, "_LARGEST_COST_MATRIX", 200)
    pool, query = vectors("random", 60, 5, 2)
    component = OptimalTransport()
    order, masses = masses_of(component, context_of(component, pool, query))
    assert sorted(order) == list(range(60))
    assert 8 <= (masses > 0).sum() * len(query) <= 200
    costs = dense_costs(pool, query, "cosine")
    listed = np.unique(np.argsort(costs, axis=0, kind="stable")[:8])
    np.testing.assert_allclose(masses[listed], component._masses(costs[listed], 60), rtol=1e-5)


def test_declarations() -> None:
    component = OptimalTransport(view="prompt")
    assert (component.access, component.needs, component.stochastic) == (Access.PROMPTS, {Need.EMBEDDER}, False)
    assert OptimalTransport().access is Access.ANSWERS
    assert OptimalTransport().unavailable() is None
    with pytest.raises(ValueError, match="regularization"):
        OptimalTransport(regularization=0.001)


def test_bad_input_and_a_missing_solver(context_of: Fixture, monkeypatch: pytest.MonkeyPatch) -> None:
    component = OptimalTransport()
    with pytest.raises(ZsgError, match="no query examples"):
        component.arrange(context_of(component, np.eye(3, dtype=np.float32), np.empty((0, 3), np.float32)))
    monkeypatch.setitem(sys.modules, "ot", None)
    assert "zsg-harness[transport]" in (component.unavailable() or "")
    with pytest.raises(ZsgError, match=r"needs the package POT"):
        component.arrange(context_of(component, np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)))
