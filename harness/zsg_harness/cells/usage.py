"""What a cell used: memory at its peak, and energy where the machine tells."""

from __future__ import annotations

import re
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import torch

_PROCESS: Final = Path("/proc/self")
_RAPL: Final = Path("/sys/class/powercap")
_GREATEST_WATTS: Final = 1000.0
"""More than a CPU draws: how fast one of its counters may run at most."""


class Usage:
    """Measures from when it is made, for one process."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        with suppress(OSError):
            (_PROCESS / "clear_refs").write_text("5")  # forget the highest resident size so far, an earlier cell's
        self._counters = [*_gpu_counters(device), *_cpu_counters()]
        for counter in self._counters:
            counter.start()

    def look(self) -> None:
        """Read counters that may run over. To be called now and then."""
        for counter in self._counters:
            counter.look()

    def measured(self) -> dict[str, Any]:
        """What was used until now. Of a machine's whole GPU or CPU, whoever else uses it; absent where it is untold."""
        self.look()
        found: dict[str, Any] = {"peak_memory_bytes": _peak_memory()}
        if self._device.type == "cuda":
            found["peak_gpu_memory_bytes"] = torch.cuda.max_memory_allocated(self._device)
        for name in {counter.name for counter in self._counters}:
            joules = [counter.joules for counter in self._counters if counter.name == name]
            told = [each for each in joules if each is not None]
            if len(told) == len(joules):  # a part would pass for the whole
                found[name] = round(sum(told), 3)
        return found


class _Counter:
    """A counter of energy that starts anew when it is full.

    Attributes:
        name: What it counts.
        joules: How much since the start; None once that is not known.
    """

    def __init__(self, name: str, read: Callable[[], float], full: float | None = None) -> None:
        self.name = name
        self.joules: float | None = 0.0
        self._read = read
        self._full = full
        self._value = self._when = 0.0

    def start(self) -> None:
        """Count from now on."""
        self.joules = 0.0
        self._note()

    def look(self) -> None:
        """Add what it ran on."""
        if self.joules is None:
            return
        before, when = self._value, self._when
        self._note()
        more = self._value - before
        if self._full is not None:
            # It may have run over unseen, and then nobody knows how often.
            lost = (self._when - when) * _GREATEST_WATTS > self._full
            more = more % self._full
        else:
            lost = more < 0
        self.joules = None if lost or self.joules is None else self.joules + more

    def _note(self) -> None:
        try:
            self._value, self._when = self._read(), time.monotonic()
        except Exception:  # of the driver's own types too: it tells no more
            self.joules = None


def _gpu_counters(device: torch.device) -> list[_Counter]:
    """The energy of a GPU, by NVIDIA's management library."""
    if device.type != "cuda":
        return []
    try:
        import pynvml

        _start_nvml()
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{torch.cuda.get_device_properties(device).uuid}")
        pynvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except Exception:  # not installed, or a device that does not tell
        return []
    return [_Counter("gpu_joules", lambda: pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1e3)]


@cache
def _start_nvml() -> None:
    import pynvml

    pynvml.nvmlInit()


def _cpu_counters() -> list[_Counter]:
    """The energy of each CPU package, by Intel's running average power limit."""
    return [_Counter("cpu_joules", partial(_rapl_joules, zone), full) for zone, full in _rapl_zones()]


def _rapl_joules(zone: Path) -> float:
    return int((zone / "energy_uj").read_text()) / 1e6


@cache
def _rapl_zones() -> list[tuple[Path, float]]:
    """The packages whose counter may be read, each with the joules at which it is full."""
    found = []
    for zone in sorted(_RAPL.glob("intel-rapl:*")):
        if re.fullmatch(r"intel-rapl:\d+", zone.name):  # others are parts of these
            with suppress(OSError, ValueError):
                _rapl_joules(zone)
                found.append((zone, int((zone / "max_energy_range_uj").read_text()) / 1e6))
    return found


def _peak_memory() -> int:
    """The highest resident size of this process, in bytes."""
    with suppress(OSError):
        match = re.search(r"^VmHWM:\s+(\d+) kB", (_PROCESS / "status").read_text(), re.MULTILINE)
        if match:
            return int(match[1]) * 1024
    highest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return highest if sys.platform == "darwin" else highest * 1024
