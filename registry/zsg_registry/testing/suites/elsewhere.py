"""The same question asked under other circumstances: in another process, with another number of threads."""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import pickle
import random
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar
from unittest import mock

import numpy as np

from zsg_registry.testing.suites.checks import fault, told

_PATIENCE: Final = 300.0
"""Seconds that an answer from another process may take."""

_T = TypeVar("_T")


def in_another_process(question: Callable[..., _T], *arguments: Any) -> _T:
    """What a function of a module answers in a process that shares nothing with this one, not even its string hashes.

    The process is started once and kept: it has another history, too.
    """
    try:
        is_answer, answer = _process().ask(pickle.dumps((list(sys.path), pickle.dumps((question, arguments)))))
    except (EOFError, OSError, TimeoutError) as error:
        _process().end()
        _process.cache_clear()
        how = f"takes more than {_PATIENCE:g} s" if isinstance(error, TimeoutError) else "ends its process"
        fault(f"in another process it {how}: cells run in worker processes, which are spawned")
    if not is_answer:
        fault(f"in another process it raises {answer}: worker processes are spawned and import the plugin anew")
    result: _T = pickle.loads(answer)
    return result


class _Process:
    """A process that answers questions, until it is ended or this one ends."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_answer, args=(theirs,), name="zsg-suites")
        hashes = "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1"
        with mock.patch.dict(os.environ, PYTHONHASHSEED=hashes, OMP_NUM_THREADS="1"):
            self._process.start()
        theirs.close()
        atexit.register(self.end)  # goes before multiprocessing's own, which would wait for it

    def ask(self, question: bytes) -> tuple[bool, Any]:
        """Whether there is an answer, and the answer or the reason why there is none."""
        self._pipe.send_bytes(question)
        if not self._pipe.poll(_PATIENCE):
            raise TimeoutError
        answer: tuple[bool, Any] = self._pipe.recv()
        return answer

    def end(self) -> None:
        """End it, whatever it is doing."""
        self._pipe.close()
        self._process.kill()
        self._process.join()


_process = functools.cache(_Process)


def _answer(pipe: Connection) -> None:
    """Answer questions until nobody asks. What cannot be read, or raises, is an answer too."""
    with suppress(EOFError, OSError):
        while True:
            question = pipe.recv_bytes()
            try:
                sys.path[:], inner = pickle.loads(question)  # the plugin may be where only this path leads
                asked, arguments = pickle.loads(inner)
                answer = True, pickle.dumps(asked(*arguments))
            except Exception as error:
                answer = False, told(error)  # type: ignore[assignment]
            pipe.send(answer)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Work with so many threads, in BLAS, OpenMP and torch."""
    from threadpoolctl import threadpool_limits

    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    with threadpool_limits(count):
        if torch is not None:
            torch.set_num_threads(count)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before)


@contextmanager
def global_seeds(seed: int) -> Iterator[None]:
    """Put the generators that belong to the whole process into another state: nothing may depend on them."""
    torch = sys.modules.get("torch")
    states = random.getstate(), np.random.get_state()
    state = None if torch is None else torch.get_rng_state()
    random.seed(seed)
    np.random.seed(seed)
    if torch is not None:
        torch.manual_seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        if torch is not None:
            torch.set_rng_state(state)
