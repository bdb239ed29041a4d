"""Pieces of Markdown that several pages are made of."""

from __future__ import annotations

import ast
import html
import inspect
import json
from collections.abc import Iterable, Sequence
from itertools import pairwise
from types import ModuleType
from typing import Any

GENERATED = "<!-- Generated from the code by `make reference`: do not edit. -->\n\n"


def page(title: str, *parts: str) -> str:
    """A generated page."""
    return GENERATED + f"# {title}\n\n" + "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def code(text: str) -> str:
    """Code in a line, also where a bar would end a table's cell."""
    return f"<code>{html.escape(text).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; bars in its cells must be escaped already."""
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def in_line(text: str) -> str:
    """A text of several lines in one, for a table or a list."""
    return " ".join(text.split())


def summary(document: str | None) -> str:
    """The first paragraph of a docstring, in one line."""
    return in_line(inspect.cleandoc(document or "").partition("\n\n")[0])


def documented(module: ModuleType) -> dict[str, str]:
    """The docstrings of a module's constants: a string right after an assignment."""
    found: dict[str, str] = {}
    body = ast.parse(inspect.getsource(module)).body
    for node, after in pairwise(body):
        target = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(target, ast.Name) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[target.id] = in_line(str(after.value.value))
    return found


def fields(schema: dict[str, Any]) -> str:
    """The fields of a pydantic model's JSON schema, as a list."""
    required = schema.get("required", [])
    return "\n".join(
        _field(name, one, name in required, schema.get("$defs", {}))
        for name, one in schema.get("properties", {}).items()
    )


def _field(name: str, schema: dict[str, Any], required: bool, definitions: dict[str, Any]) -> str:
    default = "required" if required else f"default `{json.dumps(schema.get('default'), ensure_ascii=False)}`"
    if not required and "default" not in schema:
        default = "optional"
    about = in_line(schema.get("description", ""))
    return f"- **`{name}`** · {kind(schema, definitions)} · {default}" + (f"  \n  {about}" if about else "")


def kind(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    """What a JSON schema allows, in words."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return kind(definitions[name], definitions) if "enum" in definitions[name] else f"a table ({_words(name)})"
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return " or ".join(f"`{json.dumps(value)}`" for value in values)
    for union in ("anyOf", "oneOf"):
        if union in schema:
            return " or ".join(dict.fromkeys(kind(branch, definitions) for branch in schema[union]))
    if schema.get("type") == "array":
        return _array(schema, definitions)
    if schema.get("type") in ("integer", "number"):
        return {"integer": "a whole number", "number": "a number"}[schema["type"]] + _bounds(schema)
    plain = {"string": "text", "boolean": "`true` or `false`", "null": "none", "object": "a table"}
    return plain.get(str(schema.get("type")), "anything")


def _array(schema: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "prefixItems" in schema:
        return "a list of " + ", ".join(kind(item, definitions) for item in schema["prefixItems"])
    return f"a list of {kind(schema.get('items', {}), definitions)}"


def _bounds(schema: dict[str, Any]) -> str:
    signs = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = [f"{sign} {schema[name]:g}" for name, sign in signs.items() if name in schema]
    return f" {', '.join(bounds)}" if bounds else ""


def _words(name: str) -> str:
    return "".join(f" {letter.lower()}" if letter.isupper() else letter for letter in name).strip()
