"""Finding plugins: from the metadata of installed distributions, lazily, and never letting one break the rest."""

from __future__ import annotations

import inspect
import os
import re
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.metadata import Distribution, EntryPoint, distributions
from typing import Final, get_args

from zsg_registry.arrangement import Arrangement, OnlineArrangement, Transform
from zsg_registry.compatibility import FIRST, check_api_version
from zsg_registry.components import Component, Kind, Parameters
from zsg_registry.dataset import Dataset
from zsg_registry.embedder import Embedder, VectorTransform
from zsg_registry.errors import ZsgError, did_you_mean
from zsg_registry.metric import Metric
from zsg_registry.reference import NAME, Reference

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
FIRST_PARTY: Final = "zsg-harness"
BASES: Final[dict[Kind, tuple[type[Component], ...]]] = {
    "dataset": (Dataset,),
    "embedder": (Embedder,),
    "vector-transform": (VectorTransform,),
    "arrangement": (Arrangement, OnlineArrangement),
    "transform": (Transform,),
    "metric": (Metric,),
}
_GROUP_OF: Final[dict[str, str]] = {
    **{f"zsg_harness.{kind.replace('-', '_')}s": kind for kind in KINDS},
    "zsg_harness.hooks": "hooks",
}


@dataclass(frozen=True, slots=True)
class PluginEntry:
    """A plugin as the metadata tells it; none of its code has run.

    Attributes:
        kind: The component's kind, or "hooks".
        name: The name users write.
        distribution: The installed distribution that provides it.
        version: That distribution's version.
        entry_point: Where its code is.
    """

    kind: str
    name: str
    distribution: str
    version: str
    entry_point: EntryPoint


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that could not be loaded. It harms nothing until a run asks for it.

    Attributes:
        name: The entry point's name.
        distribution: Who provides it.
        reason: One line.
        traceback: The whole story, for its author.
    """

    name: str
    distribution: str
    reason: str
    traceback: str


class Registry:
    """The installed plugins. Entries are read once, from metadata; code is imported when a plugin is asked for.

    The environment limits it: `ZSG_PLUGINS=a,b` lets only those distributions load (and the project's own), and
    `ZSG_STRICT=1` raises a plugin's error instead of keeping it as a `BrokenPlugin`.
    """

    def __init__(self) -> None:
        self._loaded: dict[PluginEntry, type[object] | BrokenPlugin] = {}

    @cached_property
    def entries(self) -> tuple[PluginEntry, ...]:
        """Every allowed plugin, sorted by kind, name and distribution."""
        allowed = _allowed_distributions()
        found = {
            (entry.kind, entry.name, entry.distribution): entry
            for entry in _scan()
            if allowed is None or _canonical(entry.distribution) in allowed
        }
        return tuple(found[key] for key in sorted(found))

    def names(self, kind: str) -> list[str]:
        """The names of a kind's plugins."""
        return sorted({entry.name for entry in self.entries if entry.kind == kind})

    def entry(self, kind: str, reference: Reference) -> PluginEntry:
        """The one entry that a reference names.

        Raises:
            ZsgError: There is none (with the nearest names), or two distributions provide it.
        """
        wanted = None if reference.distribution is None else _canonical(reference.distribution)
        found = [
            entry
            for entry in self.entries
            if entry.kind == kind and entry.name == reference.name and wanted in (None, _canonical(entry.distribution))
        ]
        if not found:
            asked = reference.name if wanted is None else f"{reference.distribution}:{reference.name}"
            raise ZsgError(f"unknown {kind} {asked!r}{did_you_mean(reference.name, self.names(kind))}")
        if len(found) > 1:
            owners = " and ".join(entry.distribution for entry in found)
            example = f"{found[0].distribution}:{reference.name}"
            raise ZsgError(f"{kind} {reference.name!r} is provided by {owners}: write {example!r} to say which")
        return found[0]

    def load(self, entry: PluginEntry) -> type[object] | BrokenPlugin:
        """Import a plugin's class and check that it keeps the contract, once."""
        if entry not in self._loaded:
            self._loaded[entry] = _load(entry)
        return self._loaded[entry]

    def component(self, kind: Kind, reference: Reference) -> type[Component]:
        """The class that a reference names.

        Raises:
            ZsgError: It is unknown, ambiguous or broken.
        """
        entry = self.entry(kind, reference)
        loaded = self.load(entry)
        if isinstance(loaded, BrokenPlugin):
            raise ZsgError(f"{kind} {entry.name!r} of {entry.distribution} {entry.version} is broken: {loaded.reason}")
        assert issubclass(loaded, Component)
        return loaded


def _scan() -> Iterator[PluginEntry]:
    seen: set[str] = set()
    for distribution in distributions():
        try:
            entries = _entries(distribution)
            name = _canonical(distribution.name)
        # The remains of a broken installation: nothing in it could be imported either.
        except Exception:
            continue
        # Of two installations of one distribution, Python imports the one that comes first on the path.
        if name not in seen:
            seen.add(name)
            yield from entries


def _entries(distribution: Distribution) -> list[PluginEntry]:
    return [
        PluginEntry(_GROUP_OF[point.group], point.name, distribution.name, distribution.version, point)
        for point in distribution.entry_points
        if point.group in _GROUP_OF
    ]


def _allowed_distributions() -> set[str] | None:
    listed = os.environ.get("ZSG_PLUGINS")
    if listed is None:
        return None
    return {_canonical(name) for name in listed.split(",") if name.strip()} | {FIRST_PARTY}


def _canonical(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution.strip()).lower()


def _load(entry: PluginEntry) -> type[object] | BrokenPlugin:
    try:
        problem = None if NAME.fullmatch(entry.name) else "its name is not of letters, digits, '_', '.' and '-'"
        loaded = None if problem else entry.entry_point.load()
        problem = problem or broken_promise(entry.kind, loaded, entry.distribution)
        details = ""
    # A plugin's import may raise anything, SystemExit included; Ctrl-C stays the user's.
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if os.environ.get("ZSG_STRICT") == "1":
            raise
        problem = f"{type(error).__name__}: {' '.join(str(error).split())}"[:500]
        details = traceback.format_exc()
    if problem is None:
        assert isinstance(loaded, type)
        return loaded
    if os.environ.get("ZSG_STRICT") == "1":
        raise ZsgError(f"{entry.kind} {entry.name!r} of {entry.distribution} is broken: {problem}")
    return BrokenPlugin(entry.name, entry.distribution, problem, details)


def broken_promise(kind: str, loaded: object, distribution: str | None = None) -> str | None:
    """How what an entry point names breaks the contract of its kind, or None.

    A version of the contract that is superseded is warned of.
    """
    if not inspect.isclass(loaded):
        return f"{loaded!r} is not a class"
    owner = distribution or loaded.__module__.partition(".")[0]
    wrong_version = partial(check_api_version, plugin=f"{kind} {loaded.__qualname__}", distribution=owner)
    if kind == "hooks":
        return wrong_version(getattr(loaded, "api_version", FIRST))
    bases = next(bases for own, bases in BASES.items() if own == kind)
    if not issubclass(loaded, bases):
        return f"{loaded.__qualname__} does not subclass {' or '.join(base.__name__ for base in bases)}"
    if inspect.isabstract(loaded):
        missing = ", ".join(sorted(getattr(loaded, "__abstractmethods__", ())))
        return f"{loaded.__qualname__} does not implement {missing}"
    if problem := wrong_version(loaded.api_version):
        return problem
    if not issubclass(loaded.Params, Parameters):
        return f"{loaded.__qualname__}.Params does not subclass Parameters"
    return _wrong_declaration(kind, loaded)


def _wrong_declaration(kind: str, loaded: type[Component]) -> str | None:
    if not isinstance(loaded.revision, int):
        return f"its revision is {loaded.revision!r}, not an integer"
    if not loaded.summary():
        return f"{loaded.__qualname__} has no docstring: its first line is the summary"
    if kind == "metric":
        outputs = getattr(loaded, "outputs", None)
        if isinstance(outputs, property):
            return None  # they depend on the parameters
        if not outputs or any(direction not in ("lower", "higher") for direction in outputs.values()):
            return "its outputs do not map names to 'lower' or 'higher'"
    return None
