"""Processes that are forked from one with torch and transformers behave as new ones would."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing import forkserver
from typing import Any

import pytest

from zsg_harness.executors import nursery, slots
from zsg_registry import ZsgError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or slots.may_have_gpus(), reason="processes are not forked on this machine"
)

LOOK = """
import os, signal, sys

assert os.environ["TOLD"] == "now", "the environment is the parent's, as it is"
assert "transformers.models.auto.modeling_auto" in sys.modules
assert os.listdir(f"/proc/{os.getppid()}/task") == [str(os.getppid())], "a fork has none of its parent's threads"
assert "pyarrow" not in sys.modules, "it begins threads when it is imported"
import torch

assert not torch.cuda.is_initialized()
number = signal.SIGTERM
assert signal.getsignal(number) == signal.SIG_IGN, "it is sent to all processes of a run, and means the run"
"""

A_RUN = f"""
import os
from zsg_harness.executors.nursery import call

if __name__ == "__main__":
    os.environ["TOLD"] = "before"
    call(exec, "pass")
    os.environ["TOLD"] = "now"
    call(exec, {LOOK!r})
"""


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Calls a function in a fork, as in a process without transformers."""
    monkeypatch.delitem(sys.modules, "transformers", raising=False)
    return nursery.call


def test_a_fork_has_what_it_needs_and_nothing_it_must_not_have() -> None:
    """In a process of its own, as a run is: what other tests made this one import or start says nothing of it."""
    done = subprocess.run([sys.executable, "-c", A_RUN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("function", "argument", "kind", "message"),
    [
        (int, "x", ValueError, "invalid literal"),
        (os.listdir, "/nowhere", FileNotFoundError, "/nowhere"),
        (exec, "from zsg_registry import ZsgError; raise ZsgError('one line')", ZsgError, "one line"),
        (os._exit, 3, ZsgError, r"ended \(exit code 3\)"),
        (exec, "import os; os.kill(os.getpid(), 9)", ZsgError, r"ended \(signal 9\)"),
    ],
)
def test_what_a_function_raises_comes_back(
    function: Any, argument: Any, kind: type[Exception], message: str, call: Callable[..., None]
) -> None:
    with pytest.raises(kind, match=message):
        call(function, argument)


def test_without_sockets_or_with_a_gpu_processes_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(nursery, "may_have_gpus", lambda: True)
        assert not nursery.open_nursery()

    def fail() -> None:
        raise OSError("AF_UNIX path too long")

    monkeypatch.setattr(forkserver, "ensure_running", fail)
    assert not nursery.open_nursery()
    process = nursery.start(exec, "import sys; sys.exit('transformers' in sys.modules)")
    process.join()
    assert process.exitcode == 0


def test_no_driver_no_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    monkeypatch.setattr(slots, "may_have_gpus", lambda: False)
    assert slots._count_gpus() == 0
    assert "torch" not in sys.modules
