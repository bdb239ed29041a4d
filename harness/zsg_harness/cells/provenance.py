"""Where and with what a cell ran. None of it is part of the cell's identity."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import torch

from zsg_harness.cells.preparation import Environment

_PACKAGES: Final = (
    "zsg-harness",
    "torch",
    "transformers",
    "tokenizers",
    "numpy",
    "scikit-learn",
    "sentence-transformers",
)


def provenance(environment: Environment) -> dict[str, Any]:
    """Versions, device and settings that could explain a difference in the last digits."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": _versions(),
        "device": str(environment.device),
        "device_name": torch.cuda.get_device_name(environment.device) if environment.device.type == "cuda" else _cpu(),
        "threads": torch.get_num_threads(),
        "run": environment.run.model_dump(),
    }


@cache
def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _cpu() -> str:
    return f"{platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"
