"""What nobody else is to read in a published leaderboard: where files are on somebody's machine; passwords in URLs."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import fields, is_dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Final

from pydantic import BaseModel

from zsg_harness.reports.collect import Results

_PATH: Final = re.compile(r"""(?<![\w:/.])~?/(?:[^/\s"'\[\],;|]+/)+[^/\s"'\[\],;|:]*""")
_PASSWORD: Final = re.compile(r"(?<=://)[^/\s@]*:[^/\s]*@")


def without_places(results: Results) -> Results:
    """Results in whose names, reasons and matrices paths are cut to their ends.

    `/home/me/data.jsonl` becomes `…/data.jsonl`. Paths that end alike keep more of theirs: they name different rows.
    """
    paths: set[str] = set()
    for text in _texts(results):
        paths.update(_PATH.findall(text))
    short = _distinct_ends(paths)

    def cut(text: str) -> str:
        return _PATH.sub(lambda match: short[match[0]], _PASSWORD.sub("", text))

    cut_results: Results = _mapped(results, cut)
    return cut_results


def _distinct_ends(paths: Collection[str]) -> dict[str, str]:
    parts = {path: PurePosixPath(path).parts for path in sorted(paths)}
    ends: dict[str, str] = {}
    for path, own in parts.items():
        others = [other for other in parts.values() if other != own]
        kept = next((n for n in range(1, len(own)) if all(other[-n:] != own[-n:] for other in others)), len(own) - 1)
        ends[path] = "/".join(("…", *own[-kept:]))
    return ends


def _texts(value: Any) -> Iterator[str]:
    """All text in a value, names of entries aside."""
    if isinstance(value, str):
        yield value
    else:
        for _, part in _parts(value):
            yield from _texts(part)


def _mapped(value: Any, change: Callable[[str], str]) -> Any:
    """The value with all text in it changed."""
    if isinstance(value, str):
        return change(value)
    changed = {name: _mapped(part, change) for name, part in _parts(value)}
    match value:
        case BaseModel():
            return value.model_copy(update=changed)
        case Mapping():
            return changed
        case list() | tuple():
            return type(value)(changed.values())
    return replace(value, **changed) if changed else value


def _parts(value: Any) -> Iterator[tuple[Any, Any]]:
    match value:
        case BaseModel():
            yield from ((name, getattr(value, name)) for name in type(value).model_fields)
        case Mapping():
            yield from value.items()
        case list() | tuple():
            yield from enumerate(value)
        case _ if is_dataclass(value):
            yield from ((each.name, getattr(value, each.name)) for each in fields(value))
