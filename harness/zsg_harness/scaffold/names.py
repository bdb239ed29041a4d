"""What a new plugin is called, everywhere it has a name; a name that is taken or cannot be one is refused."""

from __future__ import annotations

import builtins
import keyword
import re
from dataclasses import dataclass
from importlib.metadata import distributions
from importlib.util import find_spec
from typing import Final, Literal

import zsg_registry
from zsg_registry import KINDS, Kind, PluginEntry, Registry, ZsgError, did_you_mean

PluginKind = Kind | Literal["hooks"]
PLUGIN_KINDS: Final[tuple[PluginKind, ...]] = (*KINDS, "hooks")

_NAME: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST: Final = 40
_IMPORTED: Final = ("Any", "CellFinished", "ClassVar", "Field", "Iterator", "Mapping", "NDArray", "Path", "Sequence")
_USED: Final = {*zsg_registry.__all__, *dir(builtins), *_IMPORTED}
"""What the modules of new plugins know by name: a class of that name would hide it."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a plugin.

    Attributes:
        kind: What it is.
        name: What users write: `easy-first`.
        distribution: What is installed: `zsg-easy-first`.
        package: What is imported: `zsg_easy_first`.
        class_name: `EasyFirst`.
    """

    kind: PluginKind
    name: str
    distribution: str
    package: str
    class_name: str


def checked_kind(kind: str) -> PluginKind:
    """One of the kinds of plugins.

    Raises:
        ZsgError: It is none.
    """
    found = next((each for each in PLUGIN_KINDS if each == kind), None)
    if found is None:
        raise ZsgError(f"there is no kind of plugin {kind!r}{did_you_mean(kind, PLUGIN_KINDS)}")
    return found


def names(kind: PluginKind, name: str) -> Names:
    """What a plugin of this name is called everywhere.

    Raises:
        ZsgError: The name cannot be one, or is taken by what is installed.
    """
    if not _NAME.fullmatch(name) or len(name) > _LONGEST:
        proper = "-".join(re.findall(r"[a-z0-9]+", name.lower())).lstrip("0123456789-")[:_LONGEST].rstrip("-")
        hint = f" (such as {proper!r})" if proper else ""
        rule = f"small letters, digits and single '-', beginning with a letter, at most {_LONGEST} characters"
        raise ZsgError(f"{name!r} cannot be the name of a plugin: it must be of {rule}{hint}")
    distribution = f"zsg-{name}"
    found = Names(kind, name, distribution, distribution.replace("-", "_"), _class_name(kind, name))
    _refuse_taken(found)
    return found


def _class_name(kind: PluginKind, name: str) -> str:
    camel = "".join(word.capitalize() for word in name.split("-"))
    taken = camel in _USED or keyword.iskeyword(camel)
    return camel + "".join(word.capitalize() for word in kind.split("-")) if taken else camel


def _refuse_taken(new: Names) -> None:
    same = [entry for entry in Registry().entries if (entry.kind, entry.name) == (new.kind, new.name)]
    if same:
        raise ZsgError(f"the {new.kind} {new.name!r} is there already: {_owner(same[0])} has it")
    installed = {re.sub(r"[-_.]+", "-", each.name or "").lower() for each in distributions()}
    if new.distribution in installed:
        raise ZsgError(f"a distribution {new.distribution!r} is installed already; choose another name")
    if find_spec(new.package) is not None:
        raise ZsgError(f"a package {new.package!r} can be imported already; choose another name")


def _owner(entry: PluginEntry) -> str:
    return f"{entry.distribution} {entry.version}"
