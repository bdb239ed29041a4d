"""A page for each component of the project, from its metadata, class and parameters, and an index of them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from pieces import fields, page, table

from zsg_registry import Component, PluginEntry, Registry, required_params

PLURALS = {
    "dataset": "Data sets",
    "embedder": "Embedders",
    "vector-transform": "Vector transforms",
    "arrangement": "Arrangements",
    "transform": "Transforms",
    "metric": "Metrics",
}
AXES = {"dataset": "datasets", "embedder": "embedders", "arrangement": "arrangements", "metric": "metrics"}
EXAMPLES = {"transform": 'arrangements = ["tma | {}"]', "vector-transform": 'embedders = ["minilm | {}"]'}
INTRODUCTION = """
What is installed with `zsg-harness`. `zsg-harness plugins list --load` shows the same with what else is installed here,
and what cannot be used here and why. How to make one: [Publish a plugin](../../how-to/publish-a-plugin.md).
"""
SEES = {
    "none": "nothing of the unseen tasks",
    "prompts": "the query's prompts",
    "answers": "the query's prompts and answers",
}


def pages() -> dict[str, str]:
    """The pages, by kind and name."""
    found = list(_components())
    made = {f"reference/plugins/{_place(entry)}": _page(entry, component) for entry, component in found}
    kinds = [_listed(kind, [one for one in found if one[0].kind == kind]) for kind in PLURALS]
    return made | {"reference/plugins/index.md": page("The catalogue", INTRODUCTION, *kinds)}


def _components() -> Iterator[tuple[PluginEntry, type[Component]]]:
    registry = Registry()
    for entry in registry.entries:
        if entry.distribution == "zsg-harness" and entry.kind in PLURALS:
            loaded = registry.load(entry)
            assert isinstance(loaded, type), loaded
            assert issubclass(loaded, Component)
            yield entry, loaded


def _place(entry: PluginEntry) -> str:
    return f"{entry.kind}-{entry.name}.md"


def _listed(kind: str, found: list[tuple[PluginEntry, type[Component]]]) -> str:
    rows = [(f"[`{entry.name}`]({_place(entry)})", component.summary()) for entry, component in found]
    return f"## {PLURALS[kind]}\n\n" + table(("name", ""), sorted(rows))


def _page(entry: PluginEntry, component: type[Component]) -> str:
    document = inspect.cleandoc(component.__doc__ or "").partition("\n")[2]
    schema = component.Params.model_json_schema()
    parameters = f"## Parameters\n\n{fields(schema)}" if schema.get("properties") else ""
    return page(
        f"{entry.name}",
        f"*{PLURALS[entry.kind].removesuffix('s')}.* {component.summary()}",
        document,
        f"```toml\n[matrix]\n{_example(entry, component)}\n```",
        parameters,
        "## Facts\n\n" + table(("", ""), _facts(component)),
    )


def _example(entry: PluginEntry, component: type[Component]) -> str:
    missing = required_params(component)
    if entry.kind not in AXES:
        return EXAMPLES[entry.kind].format(entry.name)
    if missing:
        return f'{AXES[entry.kind]} = [{{ use = "{entry.name}", {", ".join(f"{name} = …" for name in missing)} }}]'
    return f'{AXES[entry.kind]} = ["{entry.name}"]'


def _facts(component: type[Component]) -> Iterator[tuple[str, str]]:
    made: Any = component if required_params(component) else component()
    for name, what, say in (
        ("access", "sees", lambda value: SEES[str(value)]),
        ("needs", "needs", lambda value: ", ".join(sorted(value)) or "no service"),
        ("stochastic", "draws at random", lambda value: "yes" if value else "no"),
        (
            "outputs",
            "outputs",
            lambda value: ", ".join(f"`{key}` ({better} is better)" for key, better in value.items()),
        ),
        ("requires", "works on", lambda value: ", ".join(sorted(value))),
        ("scope", "scores", str),
    ):
        value = getattr(made, name, None)
        if value is not None and (name, component.kind) not in _UNTOLD:
            yield what, "depends on the parameters" if isinstance(value, property) else say(value)
    yield "revision", str(component.revision)
    yield "code", f"`{component.__module__}.{component.__qualname__}`"


_UNTOLD = {(name, kind) for name in ("needs", "stochastic") for kind in ("dataset", "metric", "vector-transform")}
