"""What the benchmarks share: a stopwatch, the machine in words, and the file of results."""

from __future__ import annotations

import json
import os
import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def seconds(run: Callable[[], Any]) -> float:
    """How long something takes."""
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def wait_for(device: torch.device) -> None:
    """Wait until a device has done what it was told."""
    if device.type == "cuda":
        import torch

        torch.cuda.synchronize(device)


def command_and_hardware() -> dict[str, Any]:
    """What ran (without this machine's folders), and where."""
    import numpy as np  # here, as torch: some benchmarks time processes that must do without
    import torch

    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    told = {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines) if value}
    flags = {flag for flag in told.get("flags", "").split() if flag.startswith(("avx512_bf16", "amx_bf16", "avx512f"))}
    words = [Path(word).name if Path(word).is_absolute() else word for word in sys.argv]
    return {
        "command": " ".join(["python", *words]),
        "cpu": told.get("model name", platform.processor()),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "flags": sorted(flags),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }


def write_results(out: Path | None, document: dict[str, Any]) -> None:
    """Write a file of results, where one is asked for."""
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(json.dumps(document, indent=2) + "\n")
