"""The example distributions, installed from wheels into an environment of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Sequence
from pathlib import Path
from venv import EnvBuilder

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
DISTRIBUTIONS = ("readability-curriculum", "bits-per-byte")
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]

Python = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Sequence[Path]:
    """A wheel of each."""
    folder = tmp_path_factory.mktemp("wheels")
    sources = [str(EXAMPLES / name) for name in DISTRIBUTIONS]
    offline = ["--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*PIP, "wheel", *offline, "--wheel-dir", str(folder), *sources], check=True)
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def environment(wheels: Sequence[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheels in it, which finds everything else in that of the tests; its Python."""
    folder = tmp_path_factory.mktemp("environment")
    EnvBuilder(symlinks=True).create(folder)
    python = folder / "bin" / "python"
    own = {"base": str(folder), "platbase": str(folder)}
    there = Path(sysconfig.get_path("purelib", "venv", vars=own))
    parents = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    lines = (f"import site; site.addsitedir({parent!r})" for parent in sorted(parents))
    (there / "the_tests_own.pth").write_text("\n".join(lines) + "\n")
    offline = ["--no-deps", "--no-index", "--no-warn-script-location"]
    subprocess.run([*PIP, "--python", str(python), "install", *offline, *map(str, wheels)], check=True)
    return python


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a model of a few thousand weights."""
    from zsg_registry.testing.model import TinyModel, tiny_model

    model, folder = tiny_model(), tmp_path_factory.mktemp("tiny")
    assert isinstance(model, TinyModel)
    model.model.save_pretrained(folder)
    model.tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def python(environment: Path, tmp_path: Path) -> Python:
    """`python("-m", "zsg_harness", …)` runs the environment's Python in a folder of the test's own."""

    def run(*arguments: object, **variables: str) -> subprocess.CompletedProcess[str]:
        known = {name: value for name, value in os.environ.items() if not name.startswith(("ZSG_", "PYTEST_"))}
        settings = {"OMP_NUM_THREADS": "1", "XDG_CACHE_HOME": str(tmp_path / "cache")}
        command = [str(environment), *map(str, arguments)]
        return subprocess.run(command, cwd=tmp_path, env=known | settings | variables, capture_output=True, text=True)

    return run
