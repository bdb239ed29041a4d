"""The process in which a distribution's plugins are loaded and checked: what happens to it is a finding.

It is told the distribution and how many of its plugins to pass over, and writes a line of JSON for each thing it does.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, TextIO

from zsg_harness.installed.parameters import hook_parameters
from zsg_harness.plugin_check.card import entries_of
from zsg_registry import (
    BrokenPlugin,
    Component,
    PluginEntry,
    Reference,
    Registry,
    ZsgError,
    bind,
    parse_pipeline,
    required_params,
)
from zsg_registry.testing import suite_of
from zsg_registry.testing.suites.checks import Finding, checks_of, findings, in_words, told

_LOADS: Final = "loads"
_MADE: Final = "can be made"


def main() -> None:
    """Check, and tell."""
    _, distribution, passed_over = sys.argv
    tell = _Told(_own_stdout())
    registry = Registry()
    for number, entry in enumerate(entries_of(registry, distribution)):
        if number >= int(passed_over):
            tell(entry=number)
            _check(registry, entry, tell)
    tell(end=True)


class _Told:
    """Writes lines of JSON."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __call__(self, **what: Any) -> None:
        self._stream.write(json.dumps(what) + "\n")
        self._stream.flush()

    def finding(self, found: Finding) -> None:
        self(finding=found._asdict())


def _own_stdout() -> TextIO:
    """The pipe to the parent; whatever plugins print goes where errors go."""
    stream = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    return stream


def _check(registry: Registry, entry: PluginEntry, tell: _Told) -> None:
    """All that is checked of one plugin."""
    tell(reference=entry.name, checks=[_LOADS])  # should the import end this process
    loaded = registry.load(entry)
    if isinstance(loaded, BrokenPlugin):
        tell.finding(Finding(_LOADS, "failed", f"{loaded.reason}: until then nothing else can be checked", 0.0))
        return
    suite = suite_of(loaded)
    names = [in_words(check) for check in checks_of(suite)]
    for text, make in _ways(loaded, entry.name):
        tell(reference=text, checks=[_LOADS, _MADE, *names])
        tell.finding(Finding(_LOADS, "passed", "", 0.0))
        try:
            make()
        except BaseException as error:
            tell.finding(Finding(_MADE, "failed", told(error), 0.0))
            continue
        tell.finding(Finding(_MADE, "passed", "", 0.0))
        for found in findings(suite, make):
            tell.finding(found)


def _ways(plugin: type[object], name: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """How a plugin is made: without parameters, if it needs none, and as its examples say."""
    examples: Sequence[str] = getattr(plugin, "examples", ())
    texts = list(dict.fromkeys([*([name] if not _required(plugin) else []), *examples]))
    if not texts:
        texts = [name]
    for text in texts:
        yield text, lambda text=text: _made(plugin, name, text)  # type: ignore[misc]


def _made(plugin: type[object], name: str, text: str) -> object:
    reference = parse_pipeline(text).head
    if reference.name != name:
        raise ZsgError(f"its example {text!r} is of {reference.name!r}: begin examples with its own name, {name!r}")
    missing = [each for each in _required(plugin) if each not in reference.params]
    if missing:
        wanted = ",".join(f"{each}=…" for each in missing)
        raise ZsgError(f"it needs {missing[0]!r}, and no example says how it is made: examples = ('{name}[{wanted}]',)")
    return _bound(plugin, reference)


def _bound(plugin: type[object], reference: Reference) -> object:
    if not issubclass(plugin, Component):
        return plugin(**reference.params)
    file = sys.modules[plugin.__module__].__file__
    return bind(plugin, reference, base_dir=None if file is None else Path(file).parent)


def _required(plugin: type[object]) -> list[str]:
    """The parameters, or settings, without which it cannot be made."""
    if issubclass(plugin, Component):
        return required_params(plugin)
    return [each.name for each in hook_parameters(plugin) if each.required]


if __name__ == "__main__":
    main()
