"""What plugins are written against: every public name with its signature, frozen as text."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, ForwardRef, get_origin

import zsg_harness
import zsg_registry
import zsg_registry.hooks
import zsg_registry.testing
from zsg_registry import Parameters


def shown(value: object) -> str:
    """A value in the same words in every process and version of Python."""
    if isinstance(value, Enum):
        return f"{type(value).__name__}.{value.name}"
    if isinstance(value, frozenset | set):
        return f"{{{', '.join(sorted(map(shown, value)))}}}"
    if isinstance(value, Path):
        return f"Path({str(value)!r})"
    if isinstance(value, tuple):
        return f"({', '.join(map(shown, value))})"
    if inspect.isclass(value) or inspect.isfunction(value):
        return value.__qualname__
    return re.sub(r" at 0x[0-9a-f]+", "", repr(value))


def annotation(value: object) -> str:
    if isinstance(value, ForwardRef):
        return value.__forward_arg__
    return value if isinstance(value, str) else inspect.formatannotation(value)


def signature(function: Callable[..., Any]) -> str:
    parts: list[str] = []
    told = inspect.signature(function)
    for parameter in told.parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not any(part.startswith("*") for part in parts):
            parts.append("*")
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        kind = "" if parameter.annotation is parameter.empty else f": {annotation(parameter.annotation)}"
        default = "" if parameter.default is parameter.empty else f" = {shown(parameter.default)}"
        parts.append(f"{stars}{parameter.name}{kind}{default}")
    returns = "" if told.return_annotation is told.empty else f" -> {annotation(told.return_annotation)}"
    return f"({', '.join(parts)}){returns}"


def member(name: str, value: object, kind: str | None) -> str | None:
    """A line about a member of a class; None for one that is nobody else's business."""
    if name == "__init__" and isinstance(value, FunctionType):
        return f"{name}{signature(value)}"
    if name.startswith(("_", "test_")):
        return None
    if isinstance(value, property) and value.fget is not None:
        return f"{name} -> {annotation(inspect.signature(value.fget).return_annotation)}"
    if isinstance(value, classmethod | staticmethod):
        return f"{type(value).__name__} {name}{signature(value.__func__)}"
    if isinstance(value, FunctionType):
        return f"{name}{signature(value)}"
    if kind is not None:
        is_set = value is not None and not inspect.ismemberdescriptor(value) and not inspect.isdatadescriptor(value)
        return f"{name}: {kind}" + (f" = {shown(value)}" if is_set else "")
    if inspect.isclass(value) and issubclass(value, Parameters):
        return f"class {name}({value.__base__.__name__})"
    return f"{name} = {shown(value)}" if isinstance(value, str | int) else name


def class_lines(cls: type[Any]) -> Iterator[str]:
    if issubclass(cls, Enum):
        yield from (f"{each.name} = {each.value!r}" for each in cls)
        return
    if issubclass(cls, tuple):
        yield from (f"{name}: {annotation(kind)}" for name, kind in inspect.get_annotations(cls).items())
        return
    own = [base for base in cls.__mro__ if base.__module__.startswith("zsg_")]
    is_protocol = getattr(cls, "_is_protocol", False)
    members: dict[str, str] = {}
    for base in own:
        kinds = {name: annotation(kind) for name, kind in inspect.get_annotations(base).items()}
        for name in sorted({*vars(base), *kinds}):
            if name in members or (is_protocol and name == "__init__"):
                continue
            line = member(name, vars(base).get(name), kinds.get(name))
            if line is not None:
                members[name] = line
    yield from (members[name] for name in sorted(members))


def module_lines(module: ModuleType, names: list[str]) -> Iterator[str]:
    yield f"== {module.__name__} =="
    for name in sorted(names):
        value = getattr(module, name)
        if inspect.isclass(value):
            yield f"class {name}({', '.join(base.__name__ for base in value.__bases__)})"
            yield from (f"    {line}" for line in class_lines(value))
        elif isinstance(value, FunctionType):
            yield f"{name}{signature(value)}"
        elif get_origin(value) is Callable:
            yield f"{name}: a callable"  # NumPy's types are shown in other words by each of its versions
        elif name != "__version__":
            yield f"{name} = {shown(value)}"
    yield ""


def test_public_names_and_signatures_are_frozen(golden: Callable[[str, str], None]) -> None:
    own_hooks = [name for name, value in vars(zsg_registry.hooks).items()
                 if getattr(value, "__module__", "") == "zsg_registry.hooks" and not name.startswith("_")]  # fmt: skip
    modules = [
        (zsg_registry, zsg_registry.__all__),
        (zsg_registry.hooks, own_hooks),
        (zsg_registry.testing, zsg_registry.testing.__all__),
        (zsg_harness, zsg_harness.__all__),
    ]
    golden("public_names", "\n".join(line for module, names in modules for line in module_lines(module, list(names))))
