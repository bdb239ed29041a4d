"""Fixtures that several packages' tests share."""

from __future__ import annotations

import gc
import os
import secrets
import subprocess
import sys
from collections.abc import Callable
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
    "test_resume.py",
    "test_remote_store.py",
}
"""Files that take long: they go first, so that no core waits for one of them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in SLOW)


def pytest_collection_finish() -> None:
    """What was imported by now stays: the garbage collector need not go through it again and again."""
    gc.collect()
    gc.freeze()


THIRD_PARTY = Path(__file__).parent / "third_party"


@pytest.fixture(scope="session")
def third_party(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`third_party(name)` really installs the distribution in `tests/third_party/<name>`, once.

    It returns the folder to put on a subprocess's PYTHONPATH: the environment of the tests stays as it is.
    """
    installed: dict[str, Path] = {}

    def install(name: str) -> Path:
        if name not in installed:
            target = tmp_path_factory.mktemp(name)
            offline = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
            pip = [sys.executable, "-m", "pip", "install", "--quiet", *offline]
            subprocess.run([*pip, "--target", str(target), str(THIRD_PARTY / name)], check=True)
            installed[name] = target
        return installed[name]

    return install
