"""What users write in a matrix: every first-party plugin's name, revision, parameters and defaults, frozen as text.

A default is in no cell's identity: one that changes without its plugin's revision gives stored results another meaning.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from typing import Any

from zsg_registry import Component, Registry


def lines(component: type[Component]) -> Iterator[str]:
    for name, field in component.Params.model_fields.items():
        kind = inspect.formatannotation(field.annotation)
        kind = re.sub(r"AfterValidator\(func=<function _(\w+) at 0x\w+>\)", r"\1", kind)
        kind = re.sub(r"[\w.]+\.(\w+)", r"\1", kind)
        default: Any = field.get_default(call_default_factory=True)
        yield f"    {name}: {kind}" + ("" if field.is_required() else f" = {default!r}")


def test_names_revisions_and_parameters_are_frozen(golden: Callable[[str, str], None]) -> None:
    registry, told = Registry(), []
    for entry in registry.entries:
        if entry.distribution != "zsg-harness":
            continue
        component = registry.load(entry)
        assert isinstance(component, type), component
        assert issubclass(component, Component)
        told += [f"{entry.kind} {entry.name}, revision {component.revision}", *lines(component)]
    golden("plugin_parameters", "\n".join(told) + "\n")
