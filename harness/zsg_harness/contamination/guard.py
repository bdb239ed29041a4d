"""The guard: what of an evaluation set the pool has too, found in their texts alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from zsg_harness.contamination import REVISION
from zsg_harness.contamination.findings import Findings, Kind
from zsg_harness.contamination.near import near_pairs
from zsg_harness.contamination.words import words
from zsg_harness.identity import identity
from zsg_harness.services.embeddings import hash_texts
from zsg_harness.store.cache import Cache
from zsg_registry import ExampleSet


def kept_findings(pool: ExampleSet, evaluated: ExampleSet, cache: Cache) -> Findings:
    """What `find` finds, computed once for all who ask."""
    texts = [hash_texts(examples.texts(view)) for examples in (pool, evaluated) for view in ("prompt", "completion")]
    key = identity({"guard": REVISION, "texts": texts})
    return Findings(np.array(cache.array(f"contamination/{key}", lambda: find(pool, evaluated).pairs)))


def find(pool: ExampleSet, evaluated: ExampleSet) -> Findings:
    """All pairs of an evaluation and a pool example that are the same: exactly, but for their looks, or nearly."""
    pooled, scored = _Texts(pool), _Texts(evaluated)
    near = near_pairs([scored.words(place) for place in range(len(scored))], pooled.words, len(pooled))
    return Findings.of([*_same(scored, pooled), *((pair[0], pair[1], Kind.NEAR, pair[2]) for pair in near)])


class _Texts:
    """The texts of some examples."""

    def __init__(self, examples: ExampleSet) -> None:
        self._prompts, self._completions = examples.texts("prompt"), examples.texts("completion")

    def __len__(self) -> int:
        return len(self._prompts)

    def words(self, place: int) -> list[str]:
        """The words of an example's prompt and answer."""
        return words(self._prompts[place]) + words(self._completions[place])

    def keys(self, place: int) -> Iterator[tuple[Kind, str]]:
        """What an example has in common with those that are the same. What has no word says nothing that could be."""
        prompt, completion = self._prompts[place], self._completions[place]
        asked, answered = words(prompt), words(completion)
        yield Kind.EXACT, f"{len(prompt)} {prompt}{completion}"
        if asked or answered:
            yield Kind.SAME_WORDS, " ".join([*asked, *answered])
        if asked:
            yield Kind.SAME_PROMPT, " ".join(asked)


def _same(scored: _Texts, pooled: _Texts) -> Iterator[tuple[int, int, Kind, float]]:
    """The pairs that have a key in common."""
    places: dict[tuple[Kind, str], list[int]] = {}
    for place in range(len(scored)):
        for kind, key in scored.keys(place):
            places.setdefault((kind, key), []).append(place)
    for place in range(len(pooled)):
        for kind, key in pooled.keys(place):
            yield from ((each, place, kind, 1.0) for each in places.get((kind, key), ()))
