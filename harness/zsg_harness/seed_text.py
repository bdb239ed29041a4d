"""How a seed is written where people read it: `0` where all of its streams have it, else `data=0,order=1,train=0`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

_STREAMS: Final = ("data", "order", "train")
_ALIKE: Final = re.compile(r"data=(-?\d+),order=\1,train=\1")


def seed_text(seed: int | str | Mapping[str, int | None]) -> str:
    """A user's seed as text, without the streams that change nothing.

    Args:
        seed: A number, a table of streams, or such a table as it is written.
    """
    if isinstance(seed, Mapping):
        given = [(stream, seed[stream]) for stream in _STREAMS if seed.get(stream) is not None]
        seed = ",".join(f"{stream}={value}" for stream, value in given) or "any"
    text = str(seed)
    alike = _ALIKE.fullmatch(text)
    return alike[1] if alike else text
