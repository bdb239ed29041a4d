"""Where cells run side by side: devices, and the share of this machine's cores that goes with each."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from zsg_harness.matrix.schema import RunTable
from zsg_registry import ZsgError


@dataclass(frozen=True, slots=True)
class Slot:
    """A place for one cell at a time.

    Attributes:
        number: From 0.
        gpus: What `CUDA_VISIBLE_DEVICES` becomes in it: GPUs, joined by commas; empty on the CPU.
        threads: How many threads its processes may use together.
    """

    number: int
    gpus: str
    threads: int


def make_slots(run: RunTable, cells: int | None = None) -> list[Slot]:
    """The slots of this machine: one for each device (or group of devices that train one cell), or as told.

    Args:
        run: `devices`, `per_device`, `processes_per_cell` and `workers`.
        cells: How many there are to run; more slots than that are not made. Threads do not depend on it: a resumed
            cell must get as many as it would have had, for the same last digits.

    Raises:
        ZsgError: There are no such devices.
    """
    groups = _groups(run)
    count = run.workers or len(groups) * run.per_device
    threads = max(1, cores() // count)
    return [Slot(number, groups[number % len(groups)], threads) for number in range(min(count, cells or count))]


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def may_have_gpus() -> bool:
    """Whether a driver is there that torch may find GPUs by; it takes no torch to say so."""
    if Path("/dev/kfd").exists():  # AMD's
        return True
    with suppress(OSError):
        ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
        return True
    return False


def _groups(run: RunTable) -> list[str]:
    """Devices that go together, as `CUDA_VISIBLE_DEVICES` would name them."""
    gpus = _gpus(run.devices)
    if not gpus:
        return [""]
    size = run.processes_per_cell
    if size > len(gpus):
        raise ZsgError(f"processes_per_cell = {size} needs as many GPUs, and there are {len(gpus)} to use")
    return [",".join(gpus[start : start + size]) for start in range(0, len(gpus) - size + 1, size)]


def _gpus(devices: str) -> list[str]:
    """The GPUs that are to be used, as `CUDA_VISIBLE_DEVICES` would name them."""
    if devices == "cpu":
        return []
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    known = [str(number) for number in range(_count_gpus())]
    names = [name.strip() for name in visible.split(",")][: len(known)] if visible else known
    if devices == "auto":
        return names
    wanted = [part.strip() for part in devices.split(",")]
    unknown = [part for part in wanted if part not in known]
    if unknown:
        there = f"GPUs 0 to {len(known) - 1}" if known else "no GPU"
        what = f"no device {unknown[0]!r} ({there} here; 'auto' and 'cpu' always work)"
        raise ZsgError(f"devices = {devices!r}: {what}")
    return [names[int(part)] for part in wanted]


def _count_gpus() -> int:
    if "torch" not in sys.modules and not may_have_gpus():
        return 0  # torch, which takes seconds to import, would say the same
    import torch

    return torch.cuda.device_count()
