"""Plugins with one fault each: found when they are loaded or checked, with a reason that names the fault.

What those of them that can be loaded do to a run is in `test_matrix_run.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

INSTALLED = ("contract-breakers", "broken-import", "easy-first", "rival-easy-first")
CAUGHT = {
    "wrong-type": ("returns an order", "must be a one-dimensional int64 array"),
    "out-of-range": ("positions are in the pool", "position 40 is not in the pool of 40 examples"),
    "repeating": ("repeats only where declared", "position 0 comes more than once"),
    "too-few": ("keeps to the budget", "32 examples came where 33 were asked for"),
    "unseeded": ("is the same at every call", "two calls gave two orders"),
    "peeking": ("uses only what it declares", "declared access: none"),
    "peeking-at-answers": ("uses only what it declares", "'completion' is withheld"),
    "mutating": ("leaves its input as it was", "it writes into its input"),
}


@pytest.fixture(autouse=True)
def _installed(third_party: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in INSTALLED:
        folder = str(third_party(name))
        monkeypatch.syspath_prepend(folder)
        monkeypatch.setenv("PYTHONPATH", folder, prepend=os.pathsep)


def test_what_cannot_be_loaded_is_told_with_its_reason(zsg: Callable[..., Any]) -> None:
    told = {(each["distribution"], each["name"]): each for each in zsg("plugins", "list", "--load", "--json").json}
    broken = {name for (_, name), each in told.items() if each["state"] == "broken"}
    assert broken == {"broken-import", "old-api"}
    assert "a-package-nobody-has" in told["zsg-broken-import", "broken-import"]["reason"]
    assert "written for API version 0; this is version 1" in told["zsg-contract-breakers", "old-api"]["reason"]
    assert told["zsg-easy-first", "easy-first"]["shared_with"] == ["zsg-rival-easy-first"]


def test_each_fault_is_found_by_its_check(zsg: Callable[..., Any]) -> None:
    result = zsg("plugins", "check", "zsg-contract-breakers", "--json")
    assert result.code == 1
    faults = {
        report["name"]: {each["check"]: each["line"] for each in report["findings"] if each["state"] == "failed"}
        for report in result.json
    }
    for name, (check, line) in CAUGHT.items():
        assert line in faults[name].pop(check), name
    assert "API version 0" in faults.pop("old-api")["loads"]
    # A fault is told of by one check: the others do not repeat it.
    assert {name: set(found) for name, found in faults.items()} == {name: set() for name in CAUGHT}
