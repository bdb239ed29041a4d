"""Queues: order, slow plugins, faulty plugins, and the end of a run."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

from zsg_harness.hooks.events import Story
from zsg_harness.hooks.journal import Journal, leftovers
from zsg_harness.hooks.plugins import HookPlugin
from zsg_harness.hooks.queues import HookQueues
from zsg_registry import hookimpl, hooks


def scored(step: int) -> Story:
    event = hooks.StepEvaluated(event_id=f"evaluated-c-{step}", cell_id="c", labels={}, step=step, scores={})
    return Story("zsg_step_evaluated", event)


def finished() -> Story:
    return Story(
        "zsg_cell_finished",
        hooks.CellFinished(event_id="finished-c", cell_id="c", labels={}, seconds=1.0, scores={}),
    )


class Listening:
    """Keeps what it hears."""

    def __init__(self, heard: list[str]) -> None:
        self.heard = heard

    @hookimpl
    def zsg_step_evaluated(self, event: hooks.StepEvaluated) -> None:
        self.heard.append(event.event_id)


class Stuck(Listening):
    """Hears nothing before the gate opens."""

    gate = threading.Event()

    @hookimpl
    def zsg_step_evaluated(self, event: hooks.StepEvaluated) -> None:
        self.gate.wait(60)
        self.heard.append(event.event_id)


def plugin(name: str, kind: type, *args: object) -> HookPlugin:
    return HookPlugin(name, lambda: kind(*args), kind)


def test_each_plugin_hears_everything_in_order() -> None:
    heard: list[list[str]] = [[], []]
    with HookQueues([plugin(f"p{i}", Listening, each) for i, each in enumerate(heard)], pytest.fail) as queues:
        for step in range(200):
            queues.tell(scored(step))
    assert heard == [[f"evaluated-c-{step}" for step in range(200)]] * 2


def test_a_stuck_plugin_holds_up_nobody_and_is_named_once(tmp_path: Path) -> None:
    stuck, quick, warned = [], [], []
    Stuck.gate = threading.Event()
    started = time.monotonic()
    plugins = [plugin("stuck", Stuck, stuck), plugin("quick", Listening, quick)]
    with HookQueues(plugins, warned.append, Journal(tmp_path), patience=0.3) as queues:
        for step in range(3):
            queues.tell(scored(step))
        assert time.monotonic() - started < 0.2
    assert time.monotonic() - started < 2
    assert len(quick) == 3
    assert warned == [
        "hooks did not keep up and were left: 'stuck' with 3 events; the next run on this store tells them"
    ]
    (left,) = leftovers(tmp_path)
    assert [(each.story.event.event_id, each.plugins) for each in left.untold] == [
        (f"evaluated-c-{step}", ["stuck"]) for step in range(3)
    ]
    assert list(tmp_path.iterdir()) == []
    Stuck.gate.set()


def test_a_fault_is_told_once_for_each_hook_and_kind() -> None:
    class Faulty:
        @hookimpl
        def zsg_step_evaluated(self, event: hooks.StepEvaluated) -> None:
            raise {0: KeyError, 1: SystemExit}.get(event.step, ValueError)(f"step {event.step}")

        @hookimpl
        def zsg_cell_finished(self) -> None:  # a hook may leave out what it does not read
            raise ValueError("at the end")

    heard: list[str] = []
    warned: list[str] = []
    with HookQueues([plugin("faulty", Faulty), plugin("listening", Listening, heard)], warned.append) as queues:
        for step in range(50):
            queues.tell(scored(step))
        queues.tell(finished())
    assert warned == [
        "hooks 'faulty' raised in zsg_step_evaluated: KeyError: 'step 0'",
        "hooks 'faulty' raised in zsg_step_evaluated: SystemExit: step 1",
        "hooks 'faulty' raised in zsg_step_evaluated: ValueError: step 2",
        "hooks 'faulty' raised in zsg_cell_finished: ValueError: at the end",
    ]
    assert len(heard) == 50


def test_a_plugin_that_cannot_be_made_is_passed_over(tmp_path: Path) -> None:
    class Unmade:
        def __init__(self) -> None:
            sys.exit("no")

    class Misspelt:
        @hookimpl
        def zsg_cell_finishd(self, event: object) -> None: ...

    heard: list[str] = []
    warned: list[str] = []
    plugins = [plugin("unmade", Unmade), plugin("misspelt", Misspelt), plugin("fine", Listening, heard)]
    with HookQueues(plugins, warned.append, Journal(tmp_path)) as queues:
        queues.tell(scored(1))
    assert sorted(warned)[1] == "hooks 'unmade' are passed over: SystemExit: no"
    assert "unknown hook 'zsg_cell_finishd'" in sorted(warned)[0]
    assert heard == ["evaluated-c-1"]
    assert not list(leftovers(tmp_path))


def test_an_answer_comes_behind_what_was_told_and_not_from_who_hangs() -> None:
    class Counting(Listening):
        @hookimpl
        def zsg_leaderboard_columns(self, results: list[object]) -> dict[str, list[int]]:
            return {"heard": [len(self.heard)] * len(results)}

    class Hanging(Counting):
        @hookimpl
        def zsg_leaderboard_columns(self, results: list[object]) -> dict[str, list[int]]:
            time.sleep(60)
            return {}

    warned: list[str] = []
    plugins = [plugin("counting", Counting, []), plugin("hanging", Hanging, []), plugin("deaf", Listening, [])]
    with HookQueues(plugins, warned.append, patience=0.3) as queues:
        for step in range(20):
            queues.tell(scored(step))
        assert queues.ask("zsg_leaderboard_columns", "results", lambda: [{}, {}]) == {"counting": {"heard": [20, 20]}}
    assert warned[0] == "hooks 'hanging' did not answer zsg_leaderboard_columns within 0.3 s"
