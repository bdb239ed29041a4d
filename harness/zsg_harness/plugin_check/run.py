"""Checking a distribution from outside: a process that crashes or hangs is a finding, and the next plugin's turn."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from queue import Empty, Queue
from typing import IO, Any, Final

from zsg_harness.plugin_check.card import Report, entries_of, name_clash
from zsg_registry import Registry, ZsgError
from zsg_registry.testing.suites.checks import Finding

_START: Final = 120.0
"""Seconds that a process may take until it checks something."""


def check(distribution: str, patience: float) -> Iterator[Report]:
    """The report on each plugin of a distribution, made in each way that it says.

    Args:
        distribution: An installed distribution.
        patience: Seconds that a single check may take.

    Raises:
        ZsgError: There is no such distribution, or it has no plugins.
    """
    registry = Registry()
    entries = entries_of(registry, distribution)
    done = 0
    clash: Finding | None = None
    while done < len(entries):
        for told in _child(distribution, done, patience):
            if "entry" in told:
                done = told["entry"] + 1
                clash = name_clash(registry, entries[done - 1])
            else:
                report = Report(entries[done - 1], told["reference"], [Finding(**each) for each in told["findings"]])
                if clash is not None:  # once for each entry
                    report.findings.insert(1, clash)
                    clash = None
                yield report


def _child(distribution: str, passed_over: int, patience: float) -> Iterator[dict[str, Any]]:
    """What a process tells of the plugins behind the first ones, until it ends, or is ended."""
    command = [sys.executable, "-m", "zsg_harness.plugin_check.child", distribution, str(passed_over)]
    environment = {name: value for name, value in os.environ.items() if name != "ZSG_STRICT"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))  # it finds what this process finds
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, start_new_session=True
        )
        try:
            yield from _reports(process, patience, errors)
        finally:
            _end(process)


def _reports(process: subprocess.Popen[str], patience: float, errors: IO[str]) -> Iterator[dict[str, Any]]:
    """What it tells, with the findings of each report together."""
    lines = _lines(process)
    current: dict[str, Any] | None = None
    while True:
        try:
            line = lines.get(timeout=patience if current is not None else max(patience, _START))
        except Empty:
            told = {"over": f"it took more than {patience:g} s (see --timeout)"}
        else:
            told = {"over": _ended(process.wait(), errors)} if line is None else json.loads(line)
        if "finding" in told:
            assert current is not None
            current["findings"].append(told["finding"])
            continue
        if current is not None and "over" in told:
            yield _cut_short(current, told["over"])
        elif current is not None and current["findings"]:
            yield current
        elif "over" in told:
            raise ZsgError(f"plugins cannot be checked: {told['over']}")
        if "end" in told or "over" in told:
            return
        current = {**told, "findings": []} if "checks" in told else None
        if current is None:
            yield told


def _cut_short(current: dict[str, Any], line: str) -> dict[str, Any]:
    """The report on what was being checked: the check that was under way failed."""
    begun = current["checks"][min(len(current["findings"]), len(current["checks"]) - 1)]
    failed = {"check": begun, "state": "failed", "line": f"{line}; what comes behind was not checked", "seconds": 0.0}
    return {**current, "findings": [*current["findings"], failed]}


def _lines(process: subprocess.Popen[str]) -> Queue[str | None]:
    """The process's lines as they come; None at the end."""
    lines: Queue[str | None] = Queue()

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            lines.put(line)
        lines.put(None)

    threading.Thread(target=read, daemon=True).start()
    return lines


def _ended(code: int, errors: IO[str]) -> str:
    """How it ended, with the last line that it wrote."""
    errors.seek(0)
    last = next(iter(errors.read().strip().splitlines()[-1:]), "")
    how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
    return f"it ended its process ({how}: {last})" if last else f"it ended its process ({how})"


def _end(process: subprocess.Popen[str]) -> None:
    """End it, with whatever it started."""
    if process.poll() is None:
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    process.wait()
