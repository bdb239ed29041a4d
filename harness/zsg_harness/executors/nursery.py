"""Where processes of this machine come from: forked from one that has imported torch and transformers, or new.

Importing them takes seconds of a core; a fork of a process that has done it begins at once, and shares its memory.
Where there may be GPUs processes are new all the same, for what a driver is asked before a fork is lost in it; so they
are elsewhere than on Linux, which ends the forks of a run that was killed.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from zsg_harness.executors.slots import may_have_gpus
from zsg_registry import ZsgError


def open_nursery() -> bool:
    """Let the process that others are forked from import what it has to, meanwhile; returns whether there is one."""
    if sys.platform != "linux" or may_have_gpus():
        return False
    forkserver.set_forkserver_preload(["zsg_harness.executors.forked_from"])
    try:
        forkserver.ensure_running()
    except OSError:  # no sockets here, or a folder for temporary files whose name is too long for one
        return False
    return True


def start(target: Callable[..., None], *arguments: Any, daemon: bool = True) -> BaseProcess:
    """Start a process, which gets this one's environment as it is now.

    Args:
        target: What it runs.
        arguments: What that is given.
        daemon: Whether it may have no processes of its own, by multiprocessing's rules.
    """
    context: BaseContext = multiprocessing.get_context("forkserver" if open_nursery() else "spawn")
    process: BaseProcess = context.Process(  # type: ignore[attr-defined]
        target=_begin, args=(dict(os.environ), target, arguments), daemon=daemon
    )
    process.start()
    return process


def call(function: Callable[..., None], *arguments: Any) -> None:
    """Call a function that needs transformers: in a fork that has it, unless it is here already.

    Raises:
        Exception: What the function raises.
    """
    if "transformers" in sys.modules or not open_nursery():
        function(*arguments)
        return
    ours, theirs = multiprocessing.Pipe()
    process = start(_answer, theirs, function, arguments)
    theirs.close()
    try:
        error = ours.recv()
    except EOFError:
        process.join()
        raise ZsgError(f"the process that looks at the input ended ({how_ended(process)})") from None
    finally:
        process.kill()
        process.join()
        ours.close()
    if error is not None:
        raise error


def how_ended(process: BaseProcess) -> str:
    """The exit code, or the signal, of a process that has ended."""
    code = process.exitcode
    return f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"


def _begin(environment: Mapping[str, str], target: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    os.environ.clear()  # that of the process it is forked from may be older
    os.environ.update(environment)
    target(*arguments)


def _answer(connection: Connection, function: Callable[..., None], arguments: tuple[Any, ...]) -> None:
    """Tell what a function raises, or None."""
    from zsg_harness.executors.process import end_with_parent

    end_with_parent()
    try:
        function(*arguments)
    except Exception as error:
        error.add_note(traceback.format_exc())  # which does not travel by itself
        with suppress(OSError):
            connection.send(error)
    else:
        connection.send(None)
