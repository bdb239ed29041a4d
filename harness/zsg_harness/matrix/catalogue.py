"""The matrices that come with the package, by name: `quickstart`, or `paper/turns-small` in a folder."""

from __future__ import annotations

import fnmatch
import re
import tomllib
from importlib.resources import as_file, files
from pathlib import Path
from typing import NamedTuple

from zsg_registry import ZsgError, did_you_mean


class Entry(NamedTuple):
    """A bundled matrix as a list shows it.

    Attributes:
        name: Its name.
        summary: What it compares.
        cost: What a run takes, as its author measured or estimated it.
    """

    name: str
    summary: str
    cost: str


def bundled_names() -> list[str]:
    """The names of the matrices that come with the package."""
    with as_file(files("zsg_harness.matrix") / "bundled") as folder:
        # Not rglob, which leaves out what is in a linked folder.
        found = [*folder.glob("*.toml"), *folder.glob("*/*.toml")]
        return sorted(file.relative_to(folder).with_suffix("").as_posix() for file in found)


def bundled_text(name: str) -> str:
    """The text of a bundled matrix.

    Raises:
        ZsgError: There is none of that name.
    """
    if name not in bundled_names():
        raise ZsgError(f"no matrix file and no bundled matrix {name!r}{did_you_mean(name, bundled_names())}")
    return (files("zsg_harness.matrix") / "bundled" / f"{name}.toml").read_text(encoding="utf-8")


def named_like(name: str) -> list[str]:
    """The matrices that are meant: those that a pattern such as `paper/*-small` matches, else the name itself.

    Raises:
        ZsgError: A pattern matches none.
    """
    if not re.search(r"[*?\[]", name) or Path(name).exists():
        return [name]
    found = fnmatch.filter(bundled_names(), name)
    if not found:
        raise ZsgError(f"no bundled matrix is named like {name!r} (see 'zsg-harness matrix list')")
    return found


def entries() -> list[Entry]:
    """Every bundled matrix. Nothing is loaded but their files."""
    return [_entry(name) for name in bundled_names()]


def _entry(name: str) -> Entry:
    table = tomllib.loads(bundled_text(name))["matrix"]
    return Entry(name, table.get("summary", ""), table.get("cost", ""))
