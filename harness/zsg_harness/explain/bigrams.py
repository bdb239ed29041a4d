"""The divergence of what was consumed from every unseen task, in the bigrams of their texts.

KL(D ‖ T) = Σ p(g) · log(p(g) / (q(g) + 1e-10)) over the bigrams g of the training texts so far, where p is g's share of
those, and q its share of the task's: the ninth distance of He et al. (2025). Tokens are what white space separates.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from zsg_harness.services.words import words

_EPSILON: Final = 1e-10
_BLOCK: Final = 8192
_FACTOR: Final = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / the golden ratio, and odd: it spreads a word's hash


class Bigrams(NamedTuple):
    """How often bigrams occur, by a hash of 64 bits, ascending; of ten million, that two share one is a 1 : 300,000
    chance.
    """

    codes: NDArray[np.uint64]
    counts: NDArray[np.int64]

    def plus(self, other: Bigrams) -> Bigrams:
        """Both together."""
        codes, place = np.unique(np.concatenate([self.codes, other.codes]), return_inverse=True)
        return Bigrams(codes, np.bincount(place, np.concatenate([self.counts, other.counts])).astype(np.int64))


def bigrams(texts: Sequence[str]) -> Bigrams:
    """The bigrams of some texts; none goes from one text to the next."""
    text, code, distinct = words(texts)
    word = pd.util.hash_array(distinct.to_numpy(zero_copy_only=False), categorize=False)[code].astype(np.uint64)
    codes = word[:-1] * _FACTOR + word[1:]
    inside = text[1:] == text[:-1]
    return Bigrams(*np.unique(codes[inside], return_counts=True))


def divergences(
    texts: Callable[[slice], Sequence[str]], counts: NDArray[np.int64], tasks: Sequence[Sequence[str]]
) -> NDArray[np.float64]:
    """The divergence by each evaluation, float64 `[tasks, evaluations]`, in nats; NaN where nothing was consumed yet.

    Args:
        texts: Gives the consumed texts from one to another.
        counts: How many were consumed by each evaluation, ascending.
        tasks: The texts of each task.
    """
    wanted = [bigrams(own) for own in tasks]
    found = np.full((len(tasks), len(counts)), np.nan)
    so_far = Bigrams(np.empty(0, np.uint64), np.empty(0, np.int64))
    for evaluation, (start, end) in enumerate(itertools.pairwise([0, *counts.tolist()])):
        for first in range(start, end, _BLOCK):
            so_far = so_far.plus(bigrams(texts(slice(first, min(first + _BLOCK, end)))))
        if so_far.counts.sum():
            found[:, evaluation] = [_divergence(so_far, task) for task in wanted]
    return found


def _divergence(trained: Bigrams, task: Bigrams) -> float:
    p = trained.counts / trained.counts.sum()
    q = np.zeros(len(p))
    _, mine, its = np.intersect1d(trained.codes, task.codes, assume_unique=True, return_indices=True)
    q[mine] = task.counts[its] / task.counts.sum()
    return float((p * (np.log(p) - np.log(q + _EPSILON))).sum())
