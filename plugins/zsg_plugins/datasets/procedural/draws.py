"""Reproducible random draws: every example has its own stream, named by a key."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def key_to_int(*key: object) -> int:
    """Hash a key to a 64-bit integer, the same on every machine and in every process.

    Args:
        *key: The parts of the key; their text form is what counts.

    Returns:
        The first eight bytes of the key's SHA-256, as an unsigned integer.
    """
    text = "\x1f".join(str(part) for part in ("zsg-procedural-1", *key))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


class Draws:
    """A stream of draws that depends on its key alone.

    It reads the raw words of a PCG64 bit generator. NumPy promises those to stay the same from version to
    version, which it does not promise of ``Generator.choice`` and its kin.
    """

    def __init__(self, *key: object) -> None:
        """Start the stream that belongs to ``key``."""
        self._bits = np.random.PCG64(key_to_int(*key))

    def below(self, n: int) -> int:
        """Return a whole number from 0 to ``n - 1``, all equally likely (the bias is under 2**-50)."""
        return int(self._bits.random_raw()) % n

    def chance(self, probability: float) -> bool:
        """Return true with the given probability."""
        return (int(self._bits.random_raw()) >> 11) * 2.0**-53 < probability

    def pick(self, items: Sequence[T]) -> T:
        """Return one item, all equally likely."""
        return items[self.below(len(items))]

    def sample(self, items: Sequence[T], count: int) -> list[T]:
        """Return ``count`` different items in random order."""
        rest = list(items)
        return [rest.pop(self.below(len(rest))) for _ in range(count)]
