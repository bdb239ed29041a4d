"""Whether workers and their threads fit the cores."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from zsg_harness.cli.health.finding import Finding
from zsg_harness.executors.slots import cores, make_slots
from zsg_harness.matrix.schema import RunTable

_QUOTA: Final = Path("/sys/fs/cgroup/cpu.max")
_VARIABLE: Final = "OMP_NUM_THREADS"


def examine_threads(workers: int | None) -> Iterator[Finding]:
    """How the cores would be shared out, and what is in the way of it."""
    there, quota = cores(), _quota()
    slots = make_slots(RunTable(workers=workers))
    used = sum(slot.threads for slot in slots)
    shared = f"{len(slots)} worker{'s' * (len(slots) > 1)} × {slots[0].threads} threads on {there} cores"
    if used > there:
        yield Finding("threads", "warning", f"{shared}: they hold each other up", f"--workers {there}")
    elif quota is not None and quota < used:
        some = max(1, int(quota))
        detail = f"{shared}, and a limit of {quota:g} cores: threads wait for each other"
        yield Finding("threads", "warning", detail, f"taskset --cpu-list 0-{some - 1} zsg-harness run …")
    else:
        yield Finding("threads", "ok", shared)
    yield from _variable(there)


def _variable(there: int) -> Iterator[Finding]:
    """What the environment says. Workers set it themselves; `arrange` and Python go by it."""
    given = os.environ.get(_VARIABLE)
    if given is None:
        return
    if not given.isdigit() or int(given) > there:
        detail = f"{given!r}, on {there} cores: `arrange` is slowed down (`run` sets it itself)"
        yield Finding(_VARIABLE, "warning", detail, f"unset {_VARIABLE}")
    elif int(given) < there:
        detail = f"{given} of {there} cores for `arrange` and Python (`run` sets it itself)"
        yield Finding(_VARIABLE, "ok", detail)


def _quota() -> float | None:
    """How many cores this container may use at a time, where it is limited."""
    try:
        limit, period = _QUOTA.read_text(encoding="ascii").split()
    except (OSError, ValueError):
        return None
    return None if limit == "max" else int(limit) / int(period)
