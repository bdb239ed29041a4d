"""A cell's identity: a hash of one canonical description of everything that can change its result.

What says how or where a cell ran (devices, micro-batches, package versions) is provenance and stays out. The golden
tests freeze this module: a change that moves an identity makes every stored result of every user unreachable.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Final

CORE_REVISIONS: Final = {"data": 1, "train": 2, "evaluate": 1}
"""Raised when the core itself cuts, trains or evaluates differently than before."""


def canonical(document: Any) -> str:
    """The one JSON text of a document: sorted keys, no spaces, ASCII.

    Raises:
        ValueError: It holds a NaN or an infinity, which JSON has not.
    """
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def identity(document: Any) -> str:
    """The first 20 hexadecimal digits of the SHA-256 of `canonical(document)`."""
    return hashlib.sha256(canonical(document).encode()).hexdigest()[:20]
