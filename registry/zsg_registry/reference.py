"""The reference grammar: how a component is written in a matrix, a filter, a report and on the command line.

    pipeline  = reference { "|" reference }
    reference = [ distribution ":" ] name [ "[" param "=" value { "," param "=" value } "]" ]
    value     = JSON | bare word of [A-Za-z0-9_./:@+-]

`tma[mode=farthest] | zigzag` is the arrangement `tma` with a parameter, then the transform `zigzag`. A bare word that
is valid JSON (`3`, `true`, `null`) is that JSON value; every other one is a string.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from zsg_registry.errors import InvalidReference

NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_BARE: Final = re.compile(r"[\w./:@+-]+", re.ASCII)
_SPACE: Final = re.compile(r"\s*")


def _finite(number: str) -> float:
    """NaN, Infinity and a number too large for a float have no JSON form to be written back in."""
    value = float(number)
    if not math.isfinite(value):
        raise ValueError(number)
    return value


_JSON: Final = json.JSONDecoder(parse_constant=_finite, parse_float=_finite)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A component by name, with the parameters that were written.

    Two references are equal if they say the same, in whatever order of parameters; `1`, `1.0` and `true` are not the
    same.

    Attributes:
        name: The entry point's name.
        params: Parameter values as JSON values, in the order written.
        distribution: The distribution that must provide it, when two have the name.
    """

    name: str
    params: Mapping[str, Any] = field(default_factory=dict)
    distribution: str | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "params", MappingProxyType(dict(self.params)))

    def __str__(self) -> str:
        head = self.name if self.distribution is None else f"{self.distribution}:{self.name}"
        if not self.params:
            return head
        return f"{head}[{','.join(f'{key}={_format_value(value)}' for key, value in self.params.items())}]"

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, Reference) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __reduce__(self) -> tuple[type[Reference], tuple[str, dict[str, Any], str | None]]:
        return Reference, (self.name, dict(self.params), self.distribution)  # a mapping proxy cannot be pickled

    def _key(self) -> tuple[str, str | None, str]:
        return self.name, self.distribution, json.dumps(dict(self.params), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """A component and the transforms that follow it."""

    head: Reference
    transforms: tuple[Reference, ...] = ()

    def __str__(self) -> str:
        return " | ".join(map(str, (self.head, *self.transforms)))


def parse_pipeline(text: str) -> Pipeline:
    """Parse `name[params] | transform[params] | …`.

    Raises:
        InvalidReference: The text is not of the grammar; the message shows where.
    """
    parser = _Parser(text)
    parts = [parser.reference()]
    while parser.accept("|"):
        parts.append(parser.reference())
    parser.end()
    return Pipeline(parts[0], tuple(parts[1:]))


def parse_reference(text: str) -> Reference:
    """Parse a single `name[params]`.

    Raises:
        InvalidReference: The text is not of the grammar, or is a pipe.
    """
    parser = _Parser(text)
    reference = parser.reference()
    parser.end()
    return reference


class _Parser:
    """A cursor over the text. Every method skips the white space before what it reads."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def fail(self, expected: str) -> InvalidReference:
        rest = self.text[self.at :]
        found = f"found {rest[:20]!r}" if rest else "it ends"
        return InvalidReference(f"in {self.text!r}, at character {self.at + 1}: expected {expected}, {found}")

    def skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match is not None
        self.at = match.end()

    def accept(self, symbol: str) -> bool:
        self.skip()
        if not self.text.startswith(symbol, self.at):
            return False
        self.at += len(symbol)
        return True

    def end(self) -> None:
        self.skip()
        if self.at != len(self.text):
            raise self.fail("'|' or the end")

    def name(self, what: str) -> str:
        self.skip()
        match = NAME.match(self.text, self.at)
        if match is None:
            raise self.fail(what)
        self.at = match.end()
        return match.group()

    def reference(self) -> Reference:
        name = self.name("a component's name")
        distribution = None
        if self.text.startswith(":", self.at):
            self.at += 1
            distribution, name = name, self.name("a component's name")
        return Reference(name, self.params() if self.accept("[") else {}, distribution)

    def params(self) -> dict[str, Any]:
        params: dict[str, Any] = {}
        if self.accept("]"):
            return params
        while True:
            start = self.at
            key = self.name("a parameter's name")
            if key in params:
                self.at = start
                raise self.fail(f"each parameter once ({key!r} was given before)")
            if not self.accept("="):
                raise self.fail(f"'=' after {key!r}")
            params[key] = self.value()
            if self.accept("]"):
                return params
            if not self.accept(","):
                raise self.fail("',' or ']'")

    def value(self) -> Any:
        self.skip()
        bare = _BARE.match(self.text, self.at)
        if bare is not None:
            self.at = bare.end()
            return _bare_value(bare.group())
        try:
            value, self.at = _JSON.raw_decode(self.text, self.at)
        except ValueError:
            raise self.fail("a value (JSON or a bare word)") from None
        return value


def _bare_value(word: str) -> Any:
    try:
        return _JSON.decode(word)
    except ValueError:
        return word


def _format_value(value: Any) -> str:
    if isinstance(value, str) and _BARE.fullmatch(value) and _bare_value(value) == value:
        return value
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
