"""The same question asked under other circumstances: in another process, with another number of threads."""

from __future__ import annotations

import atexit
import functools
import multiprocessing
import os
import pickle
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import numpy as np

from zsg_registry.testing.suites.checks import fault, told

_PATIENCE: Final = 300.0
"""Seconds that an answer from another process may take."""

_T = TypeVar("_T")


def in_another_process(question: Callable[..., _T], *arguments: Any) -> _T:
    """What a function of a module answers in a process that shares nothing with this one, not even its string hashes.

    The process is started once and kept: it has another history, too.
    """
    data = pickle.dumps((question, arguments))
    try:
        is_answer, answer = _process().submit(_answered, data, list(sys.path)).result(_PATIENCE)
    except (BrokenProcessPool, TimeoutError) as error:
        _process.cache_clear()
        what = "ended the process" if isinstance(error, BrokenProcessPool) else f"took more than {_PATIENCE:g} s"
        fault(f"in another process it {what}: cells run in worker processes, which are spawned")
    if not is_answer:
        fault(f"in another process it raises {answer}: worker processes are spawned and import the plugin anew")
    result: _T = pickle.loads(answer)
    return result


@functools.cache
def _process() -> ProcessPoolExecutor:
    changed = {"PYTHONHASHSEED": "2" if os.environ.get("PYTHONHASHSEED") == "1" else "1", "OMP_NUM_THREADS": "1"}
    before = {name: os.environ.get(name) for name in changed}
    os.environ |= changed
    try:
        pool = ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"))
        pool.submit(int).result(_PATIENCE)
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    atexit.register(pool.shutdown, wait=False, cancel_futures=True)
    return pool


def _answered(data: bytes, path: Sequence[str]) -> tuple[bool, Any]:
    """Pickled here, so that what cannot be read back is an answer and not the end of the process."""
    sys.path[:] = path
    try:
        question, arguments = pickle.loads(data)
        return True, pickle.dumps(question(*arguments))
    except Exception as error:
        return False, told(error)


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
