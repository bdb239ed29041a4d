"""The parameters of a plugin, as its schema has them: names, types with their bounds, defaults and meanings."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from pydantic import PydanticUserError, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from zsg_registry import Component

_TYPES: Final = {"integer": "integer", "number": "number", "string": "text", "boolean": "true or false", "null": "null"}
_BOUNDS: Final = {
    "exclusiveMinimum": "> {}",
    "minimum": "≥ {}",
    "exclusiveMaximum": "< {}",
    "maximum": "≤ {}",
    "multipleOf": "a multiple of {}",
    "minLength": "at least {} characters",
    "maxLength": "at most {} characters",
    "pattern": "like {}",
    "minItems": "at least {}",
    "maxItems": "at most {}",
}
_ARGUMENT: Final = re.compile(r"^    (\w+)(?: \([^)]*\))?: (.*(?:\n     .*)*)", re.MULTILINE)


class Parameter(NamedTuple):
    """A parameter as its users see it.

    Attributes:
        name: As it is written.
        type: What may be given, in words, with its bounds.
        default: The default as JSON; None where there is none to be shown.
        required: Whether it must be given.
        description: What it means.
    """

    name: str
    type: str
    default: str | None
    required: bool
    description: str


class _AnySchema(GenerateJsonSchema):
    """A type without a JSON form is anything: one plugin's odd type must not hide all the rest."""

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        return {}


def component_parameters(component: type[Component]) -> list[Parameter]:
    """The fields of a component's `Params`."""
    schema = component.Params.model_json_schema(schema_generator=_AnySchema)
    required = schema.get("required", ())
    return [
        Parameter(
            name,
            type_text(field, schema.get("$defs", {})),
            json.dumps(field["default"], ensure_ascii=False) if "default" in field else None,
            name in required,
            _one_line(field.get("description", "")),
        )
        for name, field in schema.get("properties", {}).items()
    ]


def hook_parameters(plugin: type[object]) -> list[Parameter]:
    """The settings of a hook plugin: what its class is made with, and what its docstring's `Args` say of them."""
    told = dict(_arguments(plugin))
    kinds = inspect.Parameter
    return [
        Parameter(
            each.name,
            _annotation_text(each.annotation),
            None if each.default is kinds.empty else json.dumps(each.default, ensure_ascii=False, default=str),
            each.default is kinds.empty,
            told.get(each.name, ""),
        )
        for each in _signature(plugin).parameters.values()
        if each.kind in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    ]


def type_text(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """What a JSON schema allows, in words: `integer ≥ 1`, `"words" or "characters"`, `list of text or null`."""
    if "$ref" in schema:
        schema = definitions.get(schema["$ref"].rpartition("/")[2], {})
    if "const" in schema:
        return json.dumps(schema["const"], ensure_ascii=False)
    if "enum" in schema:
        return " or ".join(json.dumps(value, ensure_ascii=False) for value in schema["enum"])
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches:
        return " or ".join(dict.fromkeys(type_text(branch, definitions) for branch in branches))
    return " ".join(filter(None, (_plain_type(schema, definitions), ", ".join(_bounds(schema)))))


def _plain_type(schema: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if kind == "array" and "prefixItems" in schema:
        return f"[{', '.join(type_text(item, definitions) for item in schema['prefixItems'])}]"
    if kind == "array":
        return f"list of {type_text(schema.get('items') or {}, definitions)}"
    if kind == "object":
        return "table"
    return _TYPES.get(str(kind), "anything")


def _bounds(schema: Mapping[str, Any]) -> Iterator[str]:
    # Of a list whose items are told one by one, the length is told too.
    for name, text in _BOUNDS.items():
        if name in schema and "prefixItems" not in schema:
            yield text.format(schema[name])


def _signature(plugin: type[object]) -> inspect.Signature:
    try:
        return inspect.signature(plugin, eval_str=True)
    except Exception:  # an annotation that only a type checker can read: evaluating it may raise anything
        return inspect.signature(plugin)


def _annotation_text(annotation: Any) -> str:
    if annotation is inspect.Parameter.empty or isinstance(annotation, str):
        return "anything"
    try:
        schema = TypeAdapter(annotation).json_schema(schema_generator=_AnySchema)
    except PydanticUserError:
        return "anything"
    return type_text(schema, schema.get("$defs", {}))


def _arguments(plugin: type[object]) -> Iterator[tuple[str, str]]:
    """What the `Args` of a Google-style docstring say: of the class, or of its `__init__`."""
    for docstring in (plugin.__init__.__doc__, plugin.__doc__):
        _, _, section = inspect.cleandoc(docstring or "").partition("Args:\n")
        for name, text in _ARGUMENT.findall(section.partition("\n\n")[0]):
            yield name, _one_line(text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
