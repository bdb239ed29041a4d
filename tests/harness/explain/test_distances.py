"""The nine distances, against their definitions worked out with the whole matrix and by counting."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from zsg_harness.explain.bigrams import bigrams, divergences
from zsg_harness.explain.distances import MEASURES, distances
from zsg_harness.explain.lag import LAGS, lagged_correlations
from zsg_harness.services.ngrams import kl_ngram

TASK_OF = np.array([0, 1, 0, 2, 1, 2, 2], dtype=np.int32)
COUNTS = np.array([0, 3, 4, 4, 40])


@pytest.fixture
def pool() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(30, 8)).astype(np.float32)


@pytest.fixture
def scored() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(7, 8)).astype(np.float32) + 1


@pytest.fixture
def rows() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 30, size=40)


def defined(seen: np.ndarray, task: np.ndarray) -> list[float]:
    """The definitions, as they stand in the paper."""
    found = []
    for metric, sign in (("cosine", 1), ("euclidean", 0)):
        pairs = cdist(seen, task, metric) - sign  # a cosine distance is 1 − cosine
        centroid = cdist(seen.mean(axis=0)[None], task.mean(axis=0)[None], metric)[0, 0] - sign
        found += [pairs.mean(), pairs.min(), pairs.max(), centroid]
    return found


@pytest.mark.parametrize("block_rows", [1, 7, 4096])
def test_distances_are_as_defined(pool: np.ndarray, scored: np.ndarray, rows: np.ndarray, block_rows: int) -> None:
    found = distances(pool, rows, COUNTS, scored, TASK_OF, block_rows=block_rows)
    assert found.shape == (len(MEASURES), 3, len(COUNTS))
    assert np.isnan(found[..., 0]).all()
    for place, count in enumerate(COUNTS[1:], start=1):
        for task in range(3):
            wanted = defined(pool[rows[:count]].astype(float), scored[task == TASK_OF].astype(float))
            np.testing.assert_allclose(found[:, task, place], wanted, atol=1e-9)


def test_the_least_distance_never_grows_and_the_greatest_never_shrinks(
    pool: np.ndarray, scored: np.ndarray, rows: np.ndarray
) -> None:
    found = dict(zip(MEASURES, distances(pool, rows, np.arange(41), scored, TASK_OF)[..., 1:], strict=True))
    for metric in ("cosine", "euclidean"):
        assert (np.diff(found[f"{metric}-min"]) <= 0).all()
        assert (np.diff(found[f"{metric}-max"]) >= 0).all()


def counted(texts: list[str]) -> Counter[tuple[str, str]]:
    return Counter(pair for text in texts for words in [text.split()] for pair in itertools.pairwise(words))


def test_the_divergence_is_that_of_counted_bigrams() -> None:
    texts = ["a b a b c", " the  cat sat\non the mat ", "", "one", "a b the cat ünïcode 東京 a b", "a b c d"]
    tasks = [["a b c", "c a b"], ["the cat sat on a mat"], ["nothing of it here"]]
    found = divergences(lambda part: texts[part], np.array([0, 1, 3, 6]), tasks)
    assert np.isnan(found[:, 0]).all()
    for place, count in enumerate([1, 3, 6], start=1):
        p = counted(texts[:count])
        for number, task in enumerate(tasks):
            q, total, size = counted(task), p.total(), counted(task).total()
            wanted = sum(n / total * (np.log(n / total) - np.log(q[g] / size + 1e-10)) for g, n in p.items())
            assert found[number, place] == pytest.approx(wanted)


def test_the_divergence_of_one_text_is_what_arrangements_are_given() -> None:
    texts, task = ["a b a b c a b"], ["a b c", "c a b"]
    found = divergences(lambda part: texts[part], np.array([1]), [task])[0, 0]
    assert found == pytest.approx(kl_ngram(texts, task)[0])


def test_no_two_of_many_bigrams_share_a_code() -> None:
    words = [f"w{number}" for number in range(300)]
    text = " ".join(f"{a} {b}" for a in words for b in words[::3])
    assert len(bigrams([text]).codes) == len(counted([text]))
    assert bigrams(["a b", "b a"]).counts.tolist() == [1, 1]


def test_a_loss_that_follows_two_evaluations_later_correlates_there() -> None:
    moves = np.random.default_rng(3).normal(size=40)
    distance = np.concatenate([[np.nan], np.cumsum(moves)])
    loss = np.concatenate([[9.0, 8.0, 7.5], 7 + 0.5 * np.cumsum(moves)[:-2]])
    found = lagged_correlations(distance, loss)
    assert found[LAGS.index(2)] == pytest.approx(1, abs=0.01)
    assert (np.abs(np.delete(found, LAGS.index(2))) < 0.5).all()


def test_what_does_not_change_or_is_too_short_correlates_with_nothing() -> None:
    assert np.isnan(lagged_correlations(np.ones(9), np.arange(9.0))).all()
    assert np.isnan(lagged_correlations(np.array([1.0, 3, 2, 5]), np.array([1.0, 3, 2, 5]))).all()
