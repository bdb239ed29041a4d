"""A cell's identity: a hash of one canonical description of everything that can change its result.

What says how or where a cell ran (devices, micro-batches, package versions) is provenance and stays out. The golden
tests freeze this module: a change that moves an identity makes every stored result of every user unreachable.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

_JSON: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def canonical(document: Any) -> str:
    """The one JSON text of a document: sorted keys, no spaces, ASCII.

    Raises:
        ValueError: It holds a NaN or an infinity, which JSON has not.
    """
    return _JSON.encode(document)


def identity(document: Any) -> str:
    """The first 20 hexadecimal digits of the SHA-256 of `canonical(document)`."""
    return hashed(canonical(document))


def joined(members: Mapping[str, str]) -> str:
    """The canonical text of an object with plain names, from the canonical texts of its members."""
    return "{" + ",".join(f'"{name}":{members[name]}' for name in sorted(members)) + "}"


def hashed(text: str) -> str:
    """The identity of the document that has this canonical text."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]
