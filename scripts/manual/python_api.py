"""Pages of the Python API: what is public, by module; mkdocstrings puts the docstrings in when the manual is built."""

from __future__ import annotations

import sys
from collections import defaultdict
from types import ModuleType

from pieces import page, summary

import zsg_registry
from zsg_registry import hooks, testing

HARNESS = """
Three functions do what the command line does.

::: zsg_harness
    options:
      members: [run, arrange, leaderboard]
      show_root_heading: false
      show_root_toc_entry: false
"""


def pages() -> dict[str, str]:
    """The harness's functions, the contract of plugins, its events, and what tests of plugins use."""
    contract = f"{summary(zsg_registry.__doc__)} This is version {zsg_registry.API_VERSION} of it."
    events = "::: zsg_registry.hooks\n    options:\n      members: true"
    return {
        "reference/python.md": page("Python: run, arrange, leaderboard", HARNESS),
        "reference/registry.md": page("Python: the contract of plugins", contract, *_by_module(zsg_registry)),
        "reference/hooks.md": page("Python: hooks and events", events),
        "reference/testing.md": page("Python: testing a plugin", summary(testing.__doc__), *_by_module(testing)),
    }


def _by_module(package: ModuleType) -> list[str]:
    """A section for each module that defines something public, in the order of the modules' names."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in package.__all__:
        module = getattr(getattr(package, name), "__module__", "")
        if module.startswith("zsg_registry.") and module != hooks.__name__:
            groups[module].append(name)
    sections = []
    for module, names in sorted(groups.items()):
        about = summary(sys.modules[module].__doc__)
        objects = "\n\n".join(f"::: {module}.{name}" for name in names)
        sections.append(f"## {module.rpartition('.')[2]}\n\n{about}\n\n{objects}")
    return sections
