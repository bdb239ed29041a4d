"""Fixtures that several packages' tests share."""

from __future__ import annotations

import difflib
import gc
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings

# No test needs the network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

# Side by side, each test process has a core to itself: threads that wait for another process's core wait very long.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

# A Ray that tests start talks to nobody else. It reads this when it is imported.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}

# The first example pays for imports, and the machine may be busy: a time limit would only make tests unreliable.
settings.register_profile("zsg", deadline=None)
settings.load_profile("zsg")

SLOW = {
    "test_matrix_run.py",
    "test_ray.py",
    "test_chaos.py",
    "test_run.py",
    "test_processes.py",
    "test_remote_store.py",
    "test_snippets.py",
}
"""Files that take long: they go first, so that no core waits for one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in SLOW)


GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden(name, text)` sees that a text is what `tests/golden/<name>.txt` says.

    With ZSG_GOLDEN=write in the environment it is written there instead.
    """

    def compare(name: str, text: str) -> None:
        path = GOLDEN / f"{name}.txt"
        if os.environ.get("ZSG_GOLDEN") == "write":
            path.write_text(text, encoding="utf-8")
        before = path.read_text(encoding="utf-8") if path.exists() else ""
        if text == before:
            return
        change = "\n".join(difflib.unified_diff(before.splitlines(), text.splitlines(), "before", "now", "", "", 0, ""))
        pytest.fail(
            f"tests/golden/{name}.txt holds what others rely on, and it is another now:\n{change}\n\n"
            "docs/compatibility.md says what may change when. If it is meant, and the changelog tells of it:\n"
            f"    ZSG_GOLDEN=write python -m pytest '{request.node.nodeid}'",
            pytrace=False,
        )

    return compare


def pytest_collection_finish() -> None:
    """What was imported by now stays: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


THIRD_PARTY = Path(__file__).parent / "third_party"


@pytest.fixture(scope="session")
def install(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`install(folder, …)` really installs distributions.

    It returns the folder to put on a subprocess's PYTHONPATH: the environment of the tests stays as it is.
    """

    def call(*distributions: Path) -> Path:
        target = tmp_path_factory.mktemp("installed")
        offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
        pip = [sys.executable, "-m", "pip", "install", "--quiet", *offline]
        subprocess.run([*pip, "--target", str(target), *map(str, distributions)], check=True)
        return target

    return call


@pytest.fixture(scope="session")
def third_party(install: Callable[..., Path]) -> Callable[[str], Path]:
    """`third_party(name)` installs the distribution in `tests/third_party/<name>`, once."""
    return cache(lambda name: install(THIRD_PARTY / name))
