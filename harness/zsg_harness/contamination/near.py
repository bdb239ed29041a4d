"""Texts that are nearly the same: proposed by MinHash, decided by what they share that others near them do not have.

A template is shared too. Two of its texts are alike in most of their words, and say different things; two copies of
which one has a word changed are as alike, and say the same. What tells them apart is who else has what they share:
the template is had by all its texts, the content by the copies alone. So a shingle counts by how rare it is among the
texts that are near the same example; what every second text has counts next to nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zsg_harness.contamination.words import shingles

if TYPE_CHECKING:
    from rensa import RMinHash

NEAR: Final = 0.6
"""The similarity from which a text is nearly the same."""

ALIKE: Final = 0.4
"""The share of all their shingles that two texts have in common if they are compared at all: with one of five words
changed it is a half."""

RIVALS: Final = 100
"""Texts that an example is compared with, at most: the nearest. So a template that all texts have costs no more."""

_HASHES: Final = 128
_BANDS: Final = 32
"""A pair that shares half of its shingles is proposed with 87 %, one that shares two thirds with 99.9 %."""
_SEED: Final = 1
_BLOCK: Final = 1024
"""Pool texts whose hashes are kept at a time."""
_PAIRS: Final = 2**16
"""Pairs whose hashes are compared at a time."""
_KEPT: Final = 2000
"""Pool texts whose shingles are kept: those of one template are rivals of one example after the other."""

Words = Callable[[int], Sequence[str]]
"""The words of the text at a position."""


class Near(NamedTuple):
    """An evaluation text and a pool text that are nearly the same, by position, and how similar: `NEAR` to 1."""

    evaluated: int
    pooled: int
    similarity: float


def near_pairs(evaluated: Sequence[Sequence[str]], pool: Words, pool_size: int) -> Iterator[Near]:
    """All pairs that are nearly the same, ordered by evaluation text, then by pool text.

    Args:
        evaluated: The words of each evaluation text.
        pool: The words of a pool text; asked for again where one is proposed.
        pool_size: How many pool texts there are.
    """

    @lru_cache(_KEPT)
    def shingles_of(place: int) -> set[str]:
        return set(shingles(pool(place)))

    proposed = _proposals(evaluated, pool, pool_size)
    for place in np.unique(proposed.evaluated).tolist():
        text, near = set(shingles(evaluated[place])), np.sort(proposed.pooled[proposed.evaluated == place]).tolist()
        rivals = [rival for rival in near if _jaccard(text, shingles_of(rival)) >= ALIKE]
        similar = similarities(text, [shingles_of(rival) for rival in rivals])
        for rival, similarity in zip(rivals, similar, strict=True):
            if similarity >= NEAR:
                yield Near(place, rival, similarity)


def similarities(text: set[str], rivals: Sequence[set[str]]) -> list[float]:
    """How much of what is its own alone a text has in common with each of its rivals, or the rival with it: 0 to 1.

    It is the share of a text's shingles that the other has too, of the two texts' shares the greater: where many texts
    say the same, a changed word is the only thing that is rare about the text that has it, and the others tell that
    it is one of them. Each shingle counts 1 / (1 + n)², where n other rivals have it.
    """
    owners = Counter(chain.from_iterable(rivals))

    def weight(some: set[str], besides: int) -> float:
        return math.fsum((1 + owners[shingle] - besides) ** -2 for shingle in some)

    found = []
    for rival in rivals:
        common = weight(text & rival, 1)
        least = common + min(weight(rival - text, 1), weight(text - rival, 0))
        found.append(common / least if common else 0.0)
    return found


def _jaccard(left: set[str], right: set[str]) -> float:
    either = len(left | right)
    return len(left & right) / either if either else 0.0


class _Proposals(NamedTuple):
    """Pairs by position, and how many of their hashes agree: int64 `[n]` each."""

    evaluated: NDArray[np.int64]
    pooled: NDArray[np.int64]
    agreeing: NDArray[np.int64]

    def nearest(self) -> _Proposals:
        """Of each evaluation text the `RIVALS` nearest."""
        order = np.lexsort((self.pooled, -self.agreeing, self.evaluated))
        evaluated = self.evaluated[order]
        rank = np.arange(len(order)) - np.searchsorted(evaluated, evaluated)
        kept = order[rank < RIVALS]
        return _Proposals(self.evaluated[kept], self.pooled[kept], self.agreeing[kept])


def _proposals(evaluated: Sequence[Sequence[str]], pool: Words, pool_size: int) -> _Proposals:
    """The pairs that may share half of their shingles."""
    from rensa import RMinHash, RMinHashLSH

    def hashed(texts: Iterator[Sequence[str]]) -> list[RMinHash]:
        hashes: list[RMinHash] = RMinHash.from_token_sets([shingles(text) for text in texts], _HASHES, _SEED)
        return hashes

    own = hashed(iter(evaluated))
    own_digests = _digests(own)
    index = RMinHashLSH(0.5, _HASHES, _BANDS)
    index.insert_many(own)
    found = _Proposals(*np.empty((3, 0), np.int64))
    for start in range(0, pool_size, _BLOCK):
        block = hashed(pool(place) for place in range(start, min(start + _BLOCK, pool_size)))
        hits = index.query_all(block)
        left = np.fromiter(chain.from_iterable(hits), np.int64)
        right = np.repeat(np.arange(len(block)), [len(places) for places in hits])
        agreeing = _agreeing(own_digests, left, _digests(block), right)
        new = _Proposals(left, start + right, agreeing)
        found = _Proposals(*(np.concatenate(both) for both in zip(found, new, strict=True))).nearest()
    return found


def _digests(hashes: Sequence[RMinHash]) -> NDArray[np.uint32]:
    return np.array([each.digest() for each in hashes], np.uint32).reshape(-1, _HASHES)


def _agreeing(
    left: NDArray[np.uint32], left_row: NDArray[np.int64], right: NDArray[np.uint32], right_row: NDArray[np.int64]
) -> NDArray[np.int64]:
    """How many hashes of each pair of rows agree, int64 `[n]`."""
    counts = np.empty(len(left_row), np.int64)
    for start in range(0, len(counts), _PAIRS):
        part = slice(start, start + _PAIRS)
        counts[part] = (left[left_row[part]] == right[right_row[part]]).sum(axis=1)
    return counts
