"""A frozen matrix as the TOML file it came from, so that a report can be run again from its own page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH: Final = 100


def matrix_toml(matrix: Mapping[str, Any]) -> str:
    """`matrix` as TOML, without the tables that are empty and the settings that are null: those are defaults."""
    given = {key: value for key, value in matrix.items() if value not in (None, [], {})}
    tables = {key: value for key, value in given.items() if isinstance(value, Mapping)}
    arrays = {key: value for key, value in given.items() if _is_array_of_tables(value)}
    scalars = {key: value for key, value in given.items() if key not in tables and key not in arrays}
    parts = [_entries(scalars)] if scalars else []
    parts += [_table(_key(key), value) for key, value in tables.items()]
    parts += [f"[[{_key(key)}]]\n{_entries(entry)}" for key, value in arrays.items() for entry in value]
    return "\n".join(parts)


def matrix_file(name: str) -> str:
    """A matrix's name as that of a file which needs no quoting in a shell."""
    return (re.sub(r"[^A-Za-z0-9_.-]+", "-", name).strip("-.") or "matrix") + ".toml"


def reproduce_command(name: str) -> str:
    """The command that runs the matrix saved as `matrix_file(name)` again."""
    return f"zsg-harness run --matrix {matrix_file(name)}"


def _table(name: str, table: Mapping[str, Any]) -> str:
    """A table; one that holds nothing but tables (`hooks`) becomes a heading for each of them."""
    if table and all(isinstance(value, Mapping) for value in table.values()):
        return "\n".join(_table(f"{name}.{_key(key)}", value) for key, value in table.items())
    return f"[{name}]\n{_entries(table)}"


def _entries(table: Mapping[str, Any]) -> str:
    return "".join(f"{_key(key)} = {_value(value)}\n" for key, value in table.items() if value is not None)


def _value(value: Any) -> str:
    match value:
        case str():
            return _string(value)
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case Mapping():
            items = ", ".join(f"{_key(k)} = {_value(v)}" for k, v in value.items() if v is not None)
            return f"{{ {items} }}" if items else "{}"
        case list() | tuple():
            return _array([_value(item) for item in value if item is not None])
    raise TypeError(f"{type(value).__name__} has no place in a matrix")


def _array(items: list[str]) -> str:
    line = f"[{', '.join(items)}]"
    if len(line) <= _WIDTH:
        return line
    return "[\n" + "".join(f"    {item},\n" for item in items) + "]"


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _string(key)


def _string(value: str) -> str:
    """A TOML basic string: a JSON string, except that DEL has to be escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _is_array_of_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and {isinstance(item, Mapping) for item in value} == {True}
