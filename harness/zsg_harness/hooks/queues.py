"""Telling hook plugins of events: each has a queue and a thread, so that none holds up the run or another plugin."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from queue import Queue
from types import TracebackType
from typing import Any, Final, NamedTuple

import pluggy

from zsg_harness.hooks.events import Story
from zsg_harness.hooks.journal import Journal
from zsg_harness.hooks.plugins import HookPlugin, Warn
from zsg_registry.hooks import PROJECT, Hooks

_PATIENCE: Final = 10.0
"""Seconds that the end of a run waits for hooks."""

_HURRY: Final = 1.0
"""The same where the run was interrupted."""


class _Call(NamedTuple):
    """One call of one hook.

    Attributes:
        hook: Its name.
        arguments: What it is called with.
        done: Called with its results, or with None where it raised.
    """

    hook: str
    arguments: Mapping[str, Any]
    done: Callable[[list[Any] | None], None]


class HookQueues:
    """The hook plugins of a run. They live from the beginning of a `with` block to its end.

    Nothing here waits for a plugin, but for `ask` and the end of the block, and those for a bounded time.
    """

    def __init__(
        self, plugins: Sequence[HookPlugin], warn: Warn, journal: Journal | None = None, patience: float = _PATIENCE
    ) -> None:
        """Prepare.

        Args:
            plugins: Whom to tell.
            warn: Told of faults, each kind once.
            journal: Where events are kept until they are heard; None to keep none.
            patience: Seconds to wait for plugins at the end.
        """
        self._queues = [_PluginQueue(plugin, warn) for plugin in plugins]
        self._warn = warn
        self._journal = journal if plugins else None
        self._patience = patience

    @property
    def names(self) -> list[str]:
        """The names of the plugins."""
        return [queue.name for queue in self._queues]

    def have(self, hook: str) -> bool:
        """Whether any of the plugins has a hook."""
        return any(queue.has(hook) for queue in self._queues)

    def __enter__(self) -> HookQueues:
        for queue in self._queues:
            queue.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        end = time.monotonic() + (self._patience if kind is None else min(self._patience, _HURRY))
        left = {queue.name: count for queue in self._queues if (count := queue.drain(end))}
        kept = self._journal is not None and self._journal.close()
        if left:
            told = ", ".join(f"{name!r} with {count} event{'s' * (count > 1)}" for name, count in left.items())
            later = "; the next run on this store tells them" if kept else ""
            self._warn(f"hooks did not keep up and were left: {told}{later}")

    def tell(self, story: Story | None, only: Sequence[str] | None = None) -> None:
        """Tell plugins of an event, at some time.

        Args:
            story: What to tell; None is nothing.
            only: The names of the plugins to tell; by default all.
        """
        queues = [queue for queue in self._queues if only is None or queue.name in only]
        if story is None or not queues:
            return
        number = 0 if self._journal is None else self._journal.told(story, [queue.name for queue in queues])
        for queue in queues:
            queue.put(_Call(story.hook, {"event": story.event}, self._heard(number, queue.name)))

    def ask(self, hook: str, argument: str, value: Callable[[], Any]) -> dict[str, Any]:
        """What a hook returns in each plugin that has it, behind all that the plugin was told before.

        Args:
            hook: The hook.
            argument: The name of its argument.
            value: Makes the argument, for each plugin one of its own.

        Returns:
            By plugin. Those that raised or did not answer in time are not among them, and were warned of.
        """
        answers: dict[str, list[Any] | None] = {}
        asked = [queue for queue in self._queues if queue.has(hook)]
        for queue in asked:
            queue.put(_Call(hook, {argument: value()}, _into(answers, queue.name)))
        end = time.monotonic() + self._patience
        for queue in asked:
            if queue.drain(end) and queue.name not in answers:
                self._warn(f"hooks {queue.name!r} did not answer {hook} within {self._patience:g} s")
        return {queue.name: results[0] for queue in asked if (results := answers.get(queue.name))}

    def _heard(self, number: int, name: str) -> Callable[[list[Any] | None], None]:
        def heard(results: list[Any] | None) -> None:
            if self._journal is not None:
                self._journal.heard(number, name)

        return heard


def _into(answers: dict[str, list[Any] | None], name: str) -> Callable[[list[Any] | None], None]:
    def keep(results: list[Any] | None) -> None:
        answers[name] = results

    return keep


class _PluginQueue:
    """One plugin's calls, made one after the other by a thread that also makes the plugin."""

    def __init__(self, plugin: HookPlugin, warn: Warn) -> None:
        self.name = plugin.name
        self._plugin = plugin
        self._warn = warn
        self._warned: set[tuple[str, type[BaseException]]] = set()
        self._calls: Queue[_Call] = Queue()

    def start(self) -> None:
        """Begin. The thread is a daemon: a plugin that hangs must not keep the process from ending."""
        threading.Thread(target=self._work, name=f"hooks {self.name}", daemon=True).start()

    def has(self, hook: str) -> bool:
        """Whether the plugin has a hook."""
        return hasattr(self._plugin.hooks, hook)

    def put(self, call: _Call) -> None:
        """Make a call, when its turn comes."""
        self._calls.put(call)

    def drain(self, end: float) -> int:
        """Wait until every call was made, or for the end; returns how many are left."""
        calls = self._calls
        with calls.all_tasks_done:
            calls.all_tasks_done.wait_for(lambda: not calls.unfinished_tasks, max(0.0, end - time.monotonic()))
            return calls.unfinished_tasks

    def _work(self) -> None:
        manager = self._made()
        while True:
            call = self._calls.get()
            call.done(None if manager is None else self._call(manager, call))
            self._calls.task_done()

    def _made(self) -> pluggy.PluginManager | None:
        manager = pluggy.PluginManager(PROJECT)
        manager.add_hookspecs(Hooks)
        try:
            manager.register(self._plugin.make(), name=self.name)
            manager.check_pending()
        except BaseException as error:  # whatever a plugin does, even sys.exit(), must not end the run
            self._warn(f"hooks {self.name!r} are passed over: {_line(error)}")
            return None
        return manager

    def _call(self, manager: pluggy.PluginManager, call: _Call) -> list[Any] | None:
        try:
            results: list[Any] = getattr(manager.hook, call.hook)(**call.arguments)
        except BaseException as error:  # as above
            fault = (call.hook, type(error))
            if fault not in self._warned:
                self._warned.add(fault)
                self._warn(f"hooks {self.name!r} raised in {call.hook}: {_line(error)}")
            return None
        return results


def _line(error: BaseException) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
