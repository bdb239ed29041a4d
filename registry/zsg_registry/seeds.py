"""Randomness by name: every stream of random numbers is derived from a seed, a stream name and keys.

There is no global state. Two parts of a run that draw from different streams cannot disturb each other, and a part
that is added later does not shift the numbers of the parts that were there before.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

Stream = Literal["data", "order", "train", "fixed"]
_DOMAIN: Final = "zsg-seed-1"


def stream_seed(stream: Stream, seed: int, *keys: str | int) -> int:
    """A 256-bit integer that belongs to `(stream, seed, keys)` alone.

    The parts are hashed as one JSON list, so that `("a", "bc")` and `("ab", "c")` differ.
    """
    text = json.dumps([_DOMAIN, stream, seed, *keys], ensure_ascii=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")


def generator(stream: Stream, seed: int, *keys: str | int) -> np.random.Generator:
    """A NumPy generator (PCG64) seeded with `stream_seed(stream, seed, *keys)`."""
    return np.random.Generator(np.random.PCG64(stream_seed(stream, seed, *keys)))


@dataclass(frozen=True, slots=True)
class Seeds:
    """The three seeds of a cell.

    Attributes:
        data: Draws the capped pool, the probe and the query examples.
        order: Drives `context.rng`, what a stochastic arrangement or transform draws from.
        train: Adapter or head initialisation and dropout.
    """

    data: int
    order: int
    train: int

    @classmethod
    def of(cls, seed: int) -> Seeds:
        """A single seed `s` stands for the same number in every stream."""
        return cls(data=seed, order=seed, train=seed)
