"""The suite of hook plugins."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import math
import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pluggy
import pytest

from zsg_registry import hooks
from zsg_registry.errors import did_you_mean
from zsg_registry.testing.suites.checks import fault, not_applicable, told

_SLOW: Final = 1.0
"""Seconds that a call may take: the end of a run waits ten for all that were not made yet."""
_COLUMNS: Final = "zsg_leaderboard_columns"


class HooksSuite:
    """What a hook plugin promises. A subclass gives the fixture `component`: the plugin, made with its settings."""

    @pytest.fixture
    def component(self) -> object:
        """The plugin, made with its settings: subclasses say how."""
        fault("a suite's subclass needs the fixture 'component', which returns the plugin")

    def test_help_is_true(self, component: object) -> None:
        """The docstring's first line says in one sentence what it does."""
        summary = inspect.cleandoc(type(component).__doc__ or "").partition("\n")[0]
        if not summary:
            fault("its class has no docstring: the first line is what `plugins list` shows")
        if not summary.endswith((".", "!", "?")):
            fault(f"the docstring's first line, {summary!r}, is no whole sentence: `plugins list` shows it alone")

    def test_has_hooks(self, component: object) -> None:
        """At least one method is marked with `@hookimpl`, and none is forgotten or misspelt."""
        own = _named_like_hooks(type(component))
        for name in own:
            if name not in _HOOKS:
                fault(f"there is no hook {name!r}{did_you_mean(name, _HOOKS)}")
            if not hasattr(getattr(component, name), f"{hooks.PROJECT}_impl"):
                fault(f"{name} is never called: mark it with @hookimpl")
        if not own:
            fault(f"it has no hook: write one of {', '.join(sorted(_HOOKS))}, and mark it with @hookimpl")

    def test_takes_what_hooks_are_given(self, component: object) -> None:
        """The hooks have the arguments that they are called with."""
        if not _HOOKS.issuperset(_named_like_hooks(type(component))):
            not_applicable("it has a hook that there is not, which another check tells of")
        try:
            _registered(component)
        except Exception as error:
            fault(f"its hooks cannot be called: {told(error)}; take the arguments that zsg_registry.hooks.Hooks has")

    def test_is_made_with_nothing_but_settings(self, component: object) -> None:
        """Its settings are named arguments with values such as a matrix file can hold."""
        kinds = inspect.Parameter
        for each in inspect.signature(type(component)).parameters.values():
            if each.kind in (kinds.POSITIONAL_ONLY, kinds.VAR_POSITIONAL):
                fault(f"the setting {each.name!r} has no name to be set by: [hooks.<name>] gives named settings")

    def test_takes_every_event(self, component: object) -> None:
        """No event of a run makes it raise."""
        with _somewhere() as place:
            manager = self._manager(component)
            for hook, event in events(place):
                try:
                    getattr(manager.hook, hook)(event=event)
                except Exception as error:
                    if not _is_mutation(error):
                        fault(f"{hook} raises: {told(error)}; a hook that raises is passed over from then on")

    def test_leaves_events_as_they_are(self, component: object) -> None:
        """Events are shared with other plugins."""
        with _somewhere() as place:
            manager = self._manager(component)
            for hook, event in events(place):
                before = copy.deepcopy(event)
                try:
                    getattr(manager.hook, hook)(event=event)
                except Exception as error:
                    if _is_mutation(error):
                        fault(f"{hook} changes its event: {told(error)}; work on a copy, as dataclasses.replace makes")
                if event != before:
                    fault(f"{hook} changed its event, which other plugins are told too: work on a copy")

    def test_takes_an_event_twice(self, component: object) -> None:
        """An event may come again, after a run was killed: it has the same `event_id`."""
        with _somewhere() as place:
            manager = self._manager(component)
            for hook, event in events(place):
                try:
                    getattr(manager.hook, hook)(event=event)
                except Exception:
                    continue  # another check tells of it
                try:
                    getattr(manager.hook, hook)(event=event)
                except Exception as error:
                    fault(
                        f"{hook} raises when an event comes again: {told(error)}; pass over an event_id it has handled"
                    )

    def test_is_quick(self, component: object) -> None:
        """No call takes long: the end of a run does not wait for ever."""
        with _somewhere() as place:
            manager = self._manager(component)
            for hook, event in events(place):
                start = time.perf_counter()
                _quietly(manager, hook, event=event)
                _is_in_time(hook, time.perf_counter() - start)

    def test_columns_can_be_shown(self, component: object) -> None:
        """Columns it adds have a value for each row: text, a finite number, or None."""
        rows = _rows()
        columns: Mapping[Any, Any] = self._columns(component, rows)
        for name, values in columns.items():
            if not isinstance(name, str) or not name.strip() or not name.isprintable() or name in rows[0]:
                fault(f"the column {name!r} cannot be shown: give it a name of its own, in a line of text")
            if isinstance(values, str | bytes | Mapping) or len(values) != len(rows):
                fault(f"the column {name!r} does not have a value for each of the {len(rows)} rows")
            wrong = next((value for value in values if not _can_be_shown(value)), None)
            if wrong is not None:
                fault(f"the column {name!r} holds {wrong!r}: give text, a finite number, or None")

    def test_columns_leave_the_rows_as_they_are(self, component: object) -> None:
        """The rows it is shown are the leaderboard's own."""
        rows = _rows()
        first = self._columns(component, rows)
        if rows != _rows():
            fault(f"{_COLUMNS} changed the rows it was shown: return columns, and leave the rows alone")
        if repr(self._columns(component, _rows())) != repr(first):
            fault(f"{_COLUMNS} gave other columns at a second call: let them depend on the rows alone")

    def _manager(self, component: object) -> pluggy.PluginManager:
        try:
            return _registered(component)
        except Exception:
            not_applicable("its hooks cannot be called, which another check tells of")

    def _columns(self, component: object, rows: list[dict[str, Any]]) -> Mapping[str, Any]:
        if not hasattr(component, _COLUMNS):
            not_applicable("it adds no columns")
        manager = self._manager(component)
        try:
            answers = getattr(manager.hook, _COLUMNS)(results=rows)
        except Exception as error:
            fault(f"{_COLUMNS} raises: {told(error)}; a row may have None for what was not measured")
        columns: object = answers[0] if answers else {}
        if not isinstance(columns, Mapping):
            fault(f"{_COLUMNS} returned a {type(columns).__name__}: return columns by name")
        return columns


def events(folder: Path) -> Iterator[tuple[str, hooks.Event]]:
    """What a run of two cells tells, hook by hook, in order; `folder` is where the leaderboard is."""
    labels = {"arrangement": "tma | shuffle", "dataset": "p3", "embedder": None, "model": "zsg-tiny", "budget": "all"}
    first, second = (dict[str, Any](cell_id=f"c{n}", labels=dict(labels)) for n in (1, 2))
    scores = {"loss": 1.5, "rouge1": math.nan}
    yield "zsg_plan_created", hooks.PlanCreated(event_id="plan", matrix="m", cells={"run": 2, "done": 1})
    yield "zsg_cell_started", hooks.CellStarted(event_id="started-c1", **first)
    for step in (0, 10):
        evaluated = hooks.StepEvaluated(event_id=f"evaluated-c1-{step}", step=step, scores=dict(scores), **first)
        yield "zsg_step_evaluated", evaluated
    finished = hooks.CellFinished(event_id="finished-c1", seconds=3.5, scores=dict(scores), **first)
    yield "zsg_cell_finished", finished
    yield "zsg_cell_failed", hooks.CellFailed(event_id="failed-c2", reason="out of memory", **second)
    yield "zsg_cell_skipped", hooks.CellSkipped(event_id="skipped-c2", reason="no network", **second)
    yield "zsg_matrix_finished", hooks.MatrixFinished(event_id="end", matrix="m", cells={"finished": 1, "failed": 1})
    yield "zsg_leaderboard_written", hooks.LeaderboardWritten(event_id="leaderboard", folder=str(folder))


def _named_like_hooks(plugin: type[object]) -> list[str]:
    return [name for name in dir(plugin) if name.startswith("zsg_")]


_HOOKS: Final = frozenset(_named_like_hooks(hooks.Hooks))


def _rows() -> list[dict[str, Any]]:
    row: dict[str, Any] = {
        "arrangement": "tma",
        "dataset": "p3",
        "embedder": None,
        "model": "zsg-tiny",
        "budget": "all",
        "rank": 1,
    }
    row |= {"replicates": 5, "loss_final": 1.5, "aulc": 1.7, "tokens_final": 1000, "steps": 20}
    return [dict(row), dict(row, arrangement="random", aulc=None, rank=None)]


def _registered(component: object) -> pluggy.PluginManager:
    manager = pluggy.PluginManager(hooks.PROJECT)
    manager.add_hookspecs(hooks.Hooks)
    manager.register(component)
    manager.check_pending()
    return manager


@contextmanager
def _somewhere() -> Iterator[Path]:
    """Work in a folder that is thrown away, with a leaderboard in it."""
    before = Path.cwd()
    with tempfile.TemporaryDirectory() as name:
        os.chdir(name)
        try:
            board = Path(name, "leaderboard")
            board.mkdir()
            for file in ("index.html", "leaderboard.md", "leaderboard.csv", "scores.csv", "leaderboard.json"):
                (board / file).write_text("{}" if file.endswith("json") else "")
            yield board
        finally:
            os.chdir(before)


def _quietly(manager: pluggy.PluginManager, hook: str, **arguments: Any) -> None:
    try:
        getattr(manager.hook, hook)(**arguments)
    except Exception:
        return  # another check tells of it


def _is_in_time(hook: str, seconds: float) -> None:
    if seconds > _SLOW:
        fault(f"{hook} took {seconds:.1f} s: leave what is slow to a thread of its own, with a limit of time")


def _is_mutation(error: Exception) -> bool:
    return isinstance(error, dataclasses.FrozenInstanceError)


def _can_be_shown(value: Any) -> bool:
    plain = value.item() if hasattr(value, "item") else value
    return isinstance(plain, str | bool | int | None) or (isinstance(plain, float) and math.isfinite(plain))
