"""The suites of arrangements and transforms: who breaks one promise fails one check, and who keeps all fails none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import broken_arrangements as a  # see conftest.py
import pytest

from zsg_registry.testing import ArrangementSuite, OnlineArrangementSuite, TransformSuite
from zsg_registry.testing.suites.orders import OrderSuite

BROKEN = [
    ("keeps the contract of its kind", a.OldVersion, "API version 0"),
    ("is available here", a.Unavailable, "the package nothing is not installed"),
    ("help is true", a.CutHelp, "no whole sentence"),
    ("parameters are documented", a.UndocumentedParameter, "'noise'"),
    ("unknown parameters are refused", a.TakesAnyParameter, "extra='forbid'"),
    ("defaults are valid", a.InvalidDefault, "'noise'"),
    ("can be written as a reference", lambda: a.WrittenOtherwise(noise=0.2), "20.0 %"),
    ("identity is stable", a.RestlessIdentity, "never be found again"),
    ("is the same after pickling", a.Unpicklable, "lock"),
    ("uses only what it declares", a.UndeclaredNeed, "EMBEDDER"),
    ("declares its access", a.AccessInWords, "'prompts'"),
    ("works on ordinary data", a.Raising, "KeyError: 'task' (broken_arrangements.py:"),
    ("returns an order", a.ReturnsFloats, "float64"),
    ("positions are in the pool", a.CountsFromOne, "position 40"),
    ("repeats only where declared", a.Repeating, "more than once"),
    ("keeps to the budget", a.OneTooFew, "32 examples came where 33 were asked for"),
    ("is the same at every call", a.Remembers, "from place 0 on"),
    ("is the same at every call", a.GlobalNoise, "context.rng"),
    ("the seed matters where it says so", a.SaysStochastic, "stochastic = False"),
    ("is the same in another process", a.GoesByHash, "hash()"),
    ("is the same with any number of threads", a.GoesByThreads, "3 threads"),
    ("is the same in blocks of any size", a.GoesByBlocks, "blocks of 1 rows"),
    ("honours its access", a.Peeks, "may not see"),
    ("honours its access", a.GoesByTasks, "Need.TASKS"),
    ("leaves its input as it was", a.Writes, "losses of pool"),
    ("leaves its input as it was", a.WritesVectors, "read-only"),
    ("copes with awkward data", a.DividesByPool, "a pool of one example: ZeroDivisionError"),
]


@pytest.mark.parametrize(("check", "make", "words"), BROKEN, ids=[make.__name__ for _, make, _ in BROKEN])
def test_one_broken_promise_fails_one_check(check: str, make: Any, words: str, failed: Callable[..., Any]) -> None:
    found = failed(ArrangementSuite, make)
    assert list(found) == [check], found
    assert words in found[check]
    assert "\n" not in found[check]


def test_there_is_a_breach_of_every_promise(own_checks: Callable[..., set[str]]) -> None:
    assert own_checks(ArrangementSuite) == {check for check, _, _ in BROKEN}
    assert own_checks(OnlineArrangementSuite, OrderSuite) == {"is a function of its history"}
    assert own_checks(TransformSuite, OrderSuite) == {"copes with any order"}


@pytest.mark.parametrize(
    ("suite", "make"),
    [(ArrangementSuite, a.Sound), (OnlineArrangementSuite, a.SoundOnline), (TransformSuite, a.SoundTransform)],
)
def test_kept_promises_fail_nothing(suite: type[object], make: Any, failed: Callable[..., Any]) -> None:
    assert failed(suite, make) == {}


@pytest.mark.parametrize(
    ("suite", "make", "check"),
    [
        (OnlineArrangementSuite, a.CountsItsCalls, "is a function of its history"),
        (TransformSuite, a.WantsStages, "copes with any order"),
    ],
)
def test_of_segments_and_transforms(suite: Any, make: Any, check: str, failed: Callable[..., Any]) -> None:
    assert list(failed(suite, make)) == [check]


def test_a_suite_is_tests_with_one_fixture(pytester_run: Callable[[str], str]) -> None:
    out = pytester_run(
        "import pytest\n"
        "from broken_arrangements import Repeating, Sound\n"
        "from zsg_registry.testing import ArrangementSuite\n"
        "class TestSound(ArrangementSuite):\n"
        "    @pytest.fixture\n"
        "    def component(self):\n"
        "        return Sound(noise=0.5)\n"
        "class TestRepeating(TestSound):\n"
        "    @pytest.fixture\n"
        "    def component(self):\n"
        "        return Repeating()\n"
        "class TestForgotten(ArrangementSuite):\n"
        "    pass\n"
    )
    assert "TestRepeating::test_repeats_only_where_declared - Failed: position" in out
    assert "TestSound" not in out
    assert "the fixture 'component', which returns the plugin" in out
