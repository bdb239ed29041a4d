"""All that can be said of one plugin: what it does, what can be set, where it comes from, how it is used."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from importlib.metadata import Distribution
from typing import Any, Final, NamedTuple

from zsg_harness.installed.parameters import Parameter, component_parameters, hook_parameters
from zsg_harness.installed.standing import Standing, standing
from zsg_registry import (
    KINDS,
    BrokenPlugin,
    Component,
    PluginEntry,
    Reference,
    Registry,
    ZsgError,
    bind,
    did_you_mean,
    parse_reference,
)
from zsg_registry.hooks import Hooks

_AXES: Final[dict[str, tuple[str, tuple[str, ...], str]]] = {
    "arrangement": ("arrangements", ("random",), ""),
    "transform": ("arrangements", ("random",), "random | "),
    "vector-transform": ("embedders", ("tfidf",), "tfidf | "),
}
"""Where a kind is written in a matrix file, beside what, and behind what."""


class Source(NamedTuple):
    """Where a plugin's code is: the object that its entry point names, its file and line where they are known."""

    object: str
    file: str | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What there is to say of a plugin.

    Attributes:
        kind: The component's kind, or "hooks".
        name: The name users write.
        distribution: Who provides it.
        version: That distribution's version.
        standing: Whether it can be used, and what it asks for.
        description: Its docstring.
        parameters: What can be set.
        outputs: Of a metric, its outputs and which direction is better.
        hooks: Of hooks, what they are told of.
        source: Where its code is.
        license: The distribution's.
        data_license: The data's, of a data set.
        citation: How to cite the data.
        home: The distribution's first address.
        example: Lines of a matrix file that use it.
    """

    kind: str
    name: str
    distribution: str
    version: str
    standing: Standing
    description: str
    parameters: list[Parameter]
    outputs: dict[str, str] | None
    hooks: list[str] | None
    source: Source
    license: str | None
    data_license: str | None
    citation: str | None
    home: str | None
    example: str

    def document(self) -> dict[str, Any]:
        """All of it for programs, on one level."""
        told = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "standing"}
        plain = {"parameters": [each._asdict() for each in self.parameters], "source": self.source._asdict()}
        return told | plain | asdict(self.standing)


def find(registry: Registry, reference: Reference, kind: str | None = None) -> PluginEntry:
    """The entry of a plugin, by its name alone where no two kinds have it.

    Raises:
        ZsgError: There is none, there are several, or two distributions provide it.
    """
    if kind not in (None, "hooks", *KINDS):
        raise ZsgError(f"unknown kind {kind!r}{did_you_mean(str(kind), ('hooks', *KINDS))}")
    kinds = dict.fromkeys(entry.kind for entry in registry.entries if entry.name == reference.name)
    if kind is None and len(kinds) > 1:
        options = " or ".join(f"--kind {each}" for each in kinds)
        raise ZsgError(f"{reference.name!r} is the name of several plugins: choose one by {options}")
    if kind is None and not kinds:
        known = [entry.name for entry in registry.entries]
        raise ZsgError(f"no plugin {reference.name!r} is installed{did_you_mean(reference.name, known)}")
    return registry.entry(kind or next(iter(kinds)), reference)


def details(registry: Registry, text: str, kind: str | None = None) -> Details:
    """Ask a plugin about itself.

    Args:
        registry: Where it is.
        text: Its reference; with parameters, it is asked as made with them.
        kind: Its kind, where two kinds have the name.

    Raises:
        ZsgError: It is unknown or ambiguous, or the parameters are wrong.
    """
    reference = parse_reference(text)
    entry = find(registry, reference, kind)
    found = standing(registry, entry, _made(registry, entry, reference) if reference.params else None)
    loaded = registry.load(entry)
    parameters = _parameters(loaded)
    plugin = None if isinstance(loaded, BrokenPlugin) else loaded
    metadata = entry.entry_point.dist
    return Details(
        kind=entry.kind,
        name=entry.name,
        distribution=entry.distribution,
        version=entry.version,
        standing=found,
        description=inspect.cleandoc((plugin and plugin.__doc__) or ""),
        parameters=parameters,
        outputs=_class_value(plugin, "outputs"),
        hooks=_hooks(plugin) if entry.kind == "hooks" and plugin else None,
        source=_source(entry, plugin),
        license=None if metadata is None else _license(metadata),
        data_license=_class_value(plugin, "license"),
        citation=_class_value(plugin, "citation"),
        home=None if metadata is None else _home(metadata),
        example=example(entry, parameters, bool(found.shared_with), getattr(plugin, "examples", ())),
    )


def example(entry: PluginEntry, parameters: Sequence[Parameter], shared: bool, own: Sequence[str] = ()) -> str:
    """Lines of a matrix file that use a plugin: with its author's examples, if there are any.

    Args:
        entry: The plugin.
        parameters: What can be set.
        shared: Whether its name alone is not enough.
        own: References that its author shows.
    """
    if entry.kind == "hooks":
        settings = [f"{each.name} = {each.default or '…'}" for each in parameters if each.default != "null"]
        return "\n".join([f"[hooks.{entry.name}]", *settings])
    name = f"{entry.distribution}:{entry.name}" if shared else entry.name
    required = ",".join(f"{each.name}=…" for each in parameters if each.required)
    axis, before, pipe = _AXES.get(entry.kind, (f"{entry.kind}s", (), ""))
    written = [*before, *(pipe + text for text in own or [f"{name}[{required}]" if required else name])]
    return f"{axis} = {json.dumps(written, ensure_ascii=False)}"


def _made(registry: Registry, entry: PluginEntry, reference: Reference) -> Component:
    if entry.kind == "hooks":
        raise ZsgError(
            f"hooks {entry.name!r} have no parameters here: they are set in a matrix file's [hooks.{entry.name}]"
        )
    kind = next(each for each in KINDS if each == entry.kind)
    return bind(registry.component(kind, reference), reference)


def _parameters(loaded: type[object] | BrokenPlugin) -> list[Parameter]:
    if isinstance(loaded, BrokenPlugin):
        return []
    return component_parameters(loaded) if issubclass(loaded, Component) else hook_parameters(loaded)


def _class_value(of: object, name: str) -> Any:
    """An attribute that may be a property of the parameters, and is then not known of a class."""
    value = getattr(of, name, None)
    return None if isinstance(value, property) else value


def _hooks(plugin: type[object]) -> list[str]:
    return [name for name in vars(Hooks) if name.startswith("zsg_") and hasattr(plugin, name)]


def _source(entry: PluginEntry, plugin: type[object] | None) -> Source:
    if plugin is None:
        return Source(entry.entry_point.value)
    try:
        return Source(entry.entry_point.value, inspect.getsourcefile(plugin), inspect.getsourcelines(plugin)[1])
    except (OSError, TypeError):  # it is not of Python, or its file is gone
        return Source(entry.entry_point.value)


def _license(distribution: Distribution) -> str | None:
    metadata = distribution.metadata
    told = metadata.get_all("License-Expression") or metadata.get_all("License") or ()
    return next((str(text).partition("\n")[0] for text in told), None)  # some write the whole licence there


def _home(distribution: Distribution) -> str | None:
    urls = distribution.metadata.get_all("Project-URL") or ()
    return next((str(url).partition(",")[2].strip() for url in urls), None)
