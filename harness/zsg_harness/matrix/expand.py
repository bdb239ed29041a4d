"""From what a matrix says to the components it means: stars, grids and pipes become bound components."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from zsg_harness.matrix.schema import Entry
from zsg_registry import (
    Access,
    Arrangement,
    BrokenPlugin,
    Component,
    Kind,
    Need,
    OnlineArrangement,
    Pipeline,
    Reference,
    Registry,
    Transform,
    ZsgError,
    bind,
    parse_pipeline,
    parse_reference,
    required_params,
)

_RESERVED: Final = {"use", "grid", "then", "label"}
_BEHIND: Final[dict[Kind, Kind]] = {"arrangement": "transform", "embedder": "vector-transform"}
"""What may stand behind a pipe."""

_ACCESS_ORDER: Final = (Access.NONE, Access.PROMPTS, Access.ANSWERS)


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of an axis.

    Attributes:
        label: Its name in reports.
        pipeline: What was written, canonically.
        components: The bound component, followed by the bound transforms.
        identity: What of it enters a cell's identity, one entry per component.
    """

    label: str
    pipeline: Pipeline
    components: tuple[Component, ...]
    identity: tuple[dict[str, Any], ...]

    @property
    def needs(self) -> frozenset[Need]:
        """The services that any part of the pipe uses."""
        return frozenset().union(*(component.needs for component in self.components))

    @property
    def access(self) -> Access:
        """The most that any part of the pipe may see."""
        levels = [
            component.access
            for component in self.components
            if isinstance(component, (Arrangement, OnlineArrangement, Transform))
        ]
        return max(levels, key=_ACCESS_ORDER.index, default=Access.NONE)

    @property
    def stochastic(self) -> bool:
        """Whether any part of the pipe draws random numbers."""
        return any(component.stochastic for component in self.components)

    def unavailable(self) -> str | None:
        """Why the pipe cannot run here, or None."""
        return next((reason for component in self.components if (reason := _why_not(component))), None)

    def then(self, control: Choice) -> Choice:
        """This choice with a transform behind it."""
        pipeline = Pipeline(self.pipeline.head, (*self.pipeline.transforms, control.pipeline.head))
        return Choice(
            f"{self.label} | {control.label}",
            pipeline,
            self.components + control.components,
            self.identity + control.identity,
        )


class Expander:
    """Turns a matrix's entries into choices.

    Attributes:
        warnings: Lines about plugins that a star passed over.
    """

    def __init__(self, registry: Registry, base_dir: Path) -> None:
        self._registry = registry
        self._base_dir = base_dir
        self.warnings: list[str] = []

    def choices(self, kind: Kind, entries: Sequence[Entry]) -> list[Choice]:
        """The choices of an axis, in the order written, each once.

        Raises:
            ZsgError: A component or parameter is unknown, broken, ambiguous or of the wrong type.
        """
        found: dict[str, Choice] = {}
        for entry in entries:
            for pipeline, label in self._pipelines(kind, entry):
                choice = self.choice(kind, pipeline, label)
                found.setdefault(choice.label, choice)
        return list(found.values())

    def choice(self, kind: Kind, pipeline: Pipeline, label: str | None = None) -> Choice:
        """Bind a pipeline's components.

        Raises:
            ZsgError: See `choices`.
        """
        if pipeline.transforms and kind not in _BEHIND:
            raise ZsgError(f"{str(pipeline)!r}: only an arrangement or an embedder can be followed by transforms")
        references: list[tuple[Kind, Reference]] = [(kind, pipeline.head)]
        references += [(_BEHIND[kind], reference) for reference in pipeline.transforms]
        bound = [self._bind(of_kind, reference) for of_kind, reference in references]
        components, identity = zip(*bound, strict=True)
        return Choice(label or str(pipeline), pipeline, components, identity)

    def _bind(self, kind: Kind, reference: Reference) -> tuple[Component, dict[str, Any]]:
        entry = self._registry.entry(kind, reference)
        component = bind(self._registry.component(kind, reference), reference, base_dir=self._base_dir)
        identity = {
            "distribution": entry.distribution,
            "name": entry.name,
            "revision": component.revision,
            "params": component.identity_params(),
        }
        return component, identity

    def _pipelines(self, kind: Kind, entry: Entry) -> Iterator[tuple[Pipeline, str | None]]:
        if isinstance(entry, dict):
            yield from _from_table(entry)
        elif entry.strip() == "*":
            yield from ((Pipeline(reference), None) for reference in self._everything(kind))
        else:
            yield parse_pipeline(entry), None

    def _everything(self, kind: Kind) -> Iterator[Reference]:
        """Every component of a kind that needs no parameters and can run here."""
        for entry in self._registry.entries:
            if entry.kind != kind:
                continue
            clash = sum(other.kind == kind and other.name == entry.name for other in self._registry.entries) > 1
            loaded = self._registry.load(entry)
            if isinstance(loaded, BrokenPlugin):
                self.warnings.append(f"{kind} {entry.name!r} of {entry.distribution} is broken: {loaded.reason}")
                continue
            component = cast("type[Component]", loaded)
            if required_params(component):
                continue
            if reason := _why_not_by_default(component):
                self.warnings.append(f"{kind} {entry.name!r} is passed over: {reason}")
                continue
            yield Reference(entry.name, {}, entry.distribution if clash else None)


def _why_not_by_default(component: type[Component]) -> str | None:
    """Why a component cannot run here with its default parameters. One whose code raises holds up nothing else."""
    try:
        return _why_not(component())
    except Exception as error:
        return f"making it raised {type(error).__name__}: {error}"


def _why_not(component: Component) -> str | None:
    try:
        return component.unavailable()
    except Exception as error:
        return f"unavailable() raised {type(error).__name__}: {error}"


def _from_table(table: dict[str, Any]) -> Iterator[tuple[Pipeline, str | None]]:
    """The pipelines of `{use = …, param = …, grid = {param = [values]}, then = [transforms], label = …}`."""
    if not isinstance(table.get("use"), str):
        raise ZsgError(f'an entry that is a table needs use = "name": {table}')
    head = parse_reference(table["use"])
    transforms = tuple(parse_reference(text) for text in table.get("then", []))
    grid: Any = table.get("grid", {})
    if not isinstance(grid, dict) or not all(isinstance(values, list) and values for values in grid.values()):
        raise ZsgError(f"the grid of {table['use']!r} must map parameters to lists of values")
    label = table.get("label")
    if label is not None and grid:
        raise ZsgError(f"{table['use']!r} has a label and a grid: the cells of a grid need names of their own")
    fixed = dict(head.params) | {key: value for key, value in table.items() if key not in _RESERVED}
    for values in itertools.product(*grid.values()):
        params = fixed | dict(zip(grid, values, strict=True))
        yield Pipeline(Reference(head.name, params, head.distribution), transforms), label
