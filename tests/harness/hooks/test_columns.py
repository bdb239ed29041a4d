"""Which columns of hook plugins are fit for a leaderboard."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from zsg_harness.hooks.columns import columns_of
from zsg_harness.hooks.plugins import HookPlugin
from zsg_harness.hooks.queues import HookQueues
from zsg_registry import hookimpl

ROWS = [{"arrangement": "random", "aulc": 1.0}, {"arrangement": "tma", "aulc": None}]


def added(*answers: Any) -> tuple[dict[str, list[Any]], list[str]]:
    """What comes of plugins that answer so, and what is warned of."""

    class Answering:
        def __init__(self, answer: Any) -> None:
            self.answer = answer

        @hookimpl
        def zsg_leaderboard_columns(self, results: list[dict[str, Any]]) -> Any:
            assert results == ROWS
            results.clear()  # it is a list of its own
            return self.answer() if callable(self.answer) else self.answer

    warned: list[str] = []
    plugins = [
        HookPlugin(f"p{i}", lambda answer=answer: Answering(answer), Answering) for i, answer in enumerate(answers)
    ]
    with HookQueues(plugins, warned.append) as queues:
        return columns_of(queues, warned.append)(ROWS), warned


def test_columns_of_several_plugins_join() -> None:
    found, warned = added({"a": [1, None], "b": ["x", "y"]}, {"c": np.array([0.5, 1.5])}, None)
    assert found == {"a": [1, None], "b": ["x", "y"], "c": [0.5, 1.5]}
    assert [type(value) for value in found["c"]] == [float, float]
    assert not warned


@pytest.mark.parametrize(
    ("name", "values", "reason"),
    [
        ("c", [1.0], "it has 1 values for 2 rows"),
        ("c", [1.0, math.nan], "it holds nan; None says that there is no value"),
        ("c", np.array([1.0, -np.inf]), "it holds -inf; None says that there is no value"),
        ("c", [1.0, "x"], "it mixes text and numbers"),
        ("c", [1.0, [2]], "it holds list, not text or a number"),
        ("c", "xy", "it is str, not a value for each row"),
        ("c", 3, "'int' object is not iterable"),
        ("aulc", [1.0, 2.0], "there is a column of that name"),
        ("\x1b[2J", [1.0, 2.0], "its name is not a line of text"),
        (7, [1.0, 2.0], "its name is not a line of text"),
    ],
)
def test_a_column_that_is_not_fit_is_left_out_alone(name: Any, values: Any, reason: str) -> None:
    found, warned = added({name: values, "good": [1, 2]})
    assert found == {"good": [1, 2]}
    assert warned == [f"hooks 'p0': the leaderboard column {name!r} is left out: {reason}"]


def test_a_plugin_that_raises_or_answers_nonsense_harms_no_other() -> None:
    def raising() -> None:
        raise KeyError("price")

    found, warned = added(raising, 7, {"good": [1, 2]})
    assert found == {"good": [1, 2]}
    assert sorted(warned) == [
        "hooks 'p0' raised in zsg_leaderboard_columns: KeyError: 'price'",
        "hooks 'p1': zsg_leaderboard_columns returned int, not columns by name",
    ]
