"""How a check says what it found, and how the checks of a suite are run without a test runner."""

from __future__ import annotations

import inspect
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

import pytest

from zsg_registry.errors import ContractError, ZsgError

State = Literal["passed", "failed", "not applicable"]


class Finding(NamedTuple):
    """What a check found.

    Attributes:
        check: What was checked, in words.
        state: How it came out.
        line: The fault and its remedy, or why the check does not apply; "" where it passed.
        seconds: How long it took.
    """

    check: str
    state: State
    line: str
    seconds: float


def fault(line: str) -> NoReturn:
    """End the check: the plugin breaks its promise. The line says how, and what to do."""
    pytest.fail(" ".join(line.split()), pytrace=False)


def not_applicable(why: str) -> NoReturn:
    """End the check: there is nothing to check here."""
    pytest.skip(why)


def checks_of(suite: type[object]) -> list[str]:
    """The names of a suite's checks, what all components promise first."""
    classes = reversed(suite.__mro__)
    return list(dict.fromkeys(name for each in classes for name in vars(each) if name.startswith("test_")))


def in_words(check: str) -> str:
    """A check's name as a person says it."""
    return check.removeprefix("test_").replace("_", " ")


def findings(suite: type[object], make: Callable[[], object]) -> Iterator[Finding]:
    """Run every check of a suite, each on a component of its own that `make` gives."""
    for name in checks_of(suite):
        start = time.perf_counter()
        state, line = _outcome(lambda name=name: getattr(suite(), name)(make()))  # type: ignore[misc]
        yield Finding(in_words(name), state, line, time.perf_counter() - start)


def _outcome(check: Callable[[], object]) -> tuple[State, str]:
    try:
        check()
    except pytest.skip.Exception as skipped:
        return "not applicable", str(skipped)
    except pytest.fail.Exception as failed:
        return "failed", str(failed)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever a plugin does, even sys.exit(), is a finding
        return "failed", told(error)
    return "passed", ""


def told(error: BaseException) -> str:
    """An error in one line, with the place in the plugin that it came from."""
    text = " ".join(str(error).split())
    if isinstance(error, ZsgError) and not isinstance(error, ContractError):
        return text
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not _is_ours(frame.filename)]
    where = f" ({Path(own[-1].filename).name}:{own[-1].lineno})" if own else ""
    return f"{type(error).__name__}: {text}"[:400] + where


def _is_ours(file: str) -> bool:
    """Whether a frame is of this package or of the standard library's and others' machinery around it."""
    return str(Path(inspect.getfile(ZsgError)).parent) in file
