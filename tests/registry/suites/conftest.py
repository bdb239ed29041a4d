"""Plugins that are broken in one way each lie in modules of their own, which another process can import too."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent / "broken"))

Make = Callable[[], Any]


@pytest.fixture(scope="session")
def failed() -> Callable[[type[object], Make], dict[str, str]]:
    """`failed(suite, make)`: the checks that fail, with their lines."""
    from zsg_registry.testing.suites.checks import findings

    def run(suite: type[object], make: Make) -> dict[str, str]:
        return {each.check: each.line for each in findings(suite, make) if each.state == "failed"}

    return run


@pytest.fixture(scope="session")
def own_checks() -> Callable[..., set[str]]:
    """`own_checks(suite, base)`: what a suite checks that its base does not."""
    from zsg_registry.testing.suites.checks import checks_of, in_words

    def own(suite: type[object], *bases: type[object]) -> set[str]:
        return set(map(in_words, checks_of(suite))).difference(*(map(in_words, checks_of(base)) for base in bases))

    return own


@pytest.fixture
def pytester_run(tmp_path: Path) -> Callable[[str], str]:
    """`pytester_run(text)` runs a file of tests as its author would, and returns what pytest prints."""
    import subprocess

    def run(text: str) -> str:
        (tmp_path / "test_plugin.py").write_text(text)
        paths = [str(Path(__file__).parent / "broken"), *filter(None, sys.path)]
        options = ["-q", "-rf", "-p", "no:cacheprovider", "-p", "no:randomly", "--rootdir", str(tmp_path)]
        options.append("--import-mode=importlib")  # in which no other process finds what a module of tests defines
        done = subprocess.run(
            [sys.executable, "-P", "-m", "pytest", *options, "test_plugin.py"],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "COLUMNS": "300"},
            capture_output=True,
            text=True,
        )
        return done.stdout

    return run
