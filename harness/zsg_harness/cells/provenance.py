"""Where and with what a cell ran. None of it is part of the cell's identity."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any, Final

import psutil
import torch
from pydantic import BaseModel

from zsg_harness.cells.preparation import Environment
from zsg_harness.executors.slots import cores
from zsg_harness.plan.cell import Cell
from zsg_registry import Kind, Reference, Registry, ZsgError, parse_pipeline

_DISTRIBUTION: Final = "zsg-harness"
_TOOLS: Final = ("dev", "docs", "figures", "testing", "trl")
"""Extras that no cell uses."""

_NOT_REQUIRED: Final = ("flash-attn", "nvidia-ml-py", "safetensors", "triton")
"""What changes how a cell runs where it is there."""


def provenance(cell: Cell, environment: Environment) -> dict[str, Any]:
    """Code, versions, hardware and settings that could explain a difference in the last digits."""
    device = environment.device
    return {
        **environment.origin,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": _versions(),
        "plugins": _plugins(cell, environment.registry),
        "hardware": {**_machine(), **_gpus()},
        "device": device.type,
        "device_name": torch.cuda.get_device_name(device) if device.type == "cuda" else _machine()["cpu"],
        "devices": environment.world.size if device.type == "cuda" else 1,
        "processes": environment.world.size,
        "threads": torch.get_num_threads(),
        "dtype": cell.model.dtype,
        "precision": cell.training.precision,
        "arguments": {
            "run": _apart(environment.run, environment.run.model_fields_set),
            "training": _apart(cell.training, cell.given_training),
        },
    }


@cache
def _versions() -> dict[str, str]:
    """The versions of all packages that a cell may use."""
    wanted = {_DISTRIBUTION, *_NOT_REQUIRED}
    for line in requires(_DISTRIBUTION) or ():
        extra = re.search(r"extra == ['\"]([\w-]+)['\"]", line)
        if extra is None or extra[1] not in _TOOLS:
            wanted.add(re.split(r"[^\w.-]", line, maxsplit=1)[0])
    found: dict[str, str] = {}
    for package in sorted(wanted):
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    for name, library in (("cuda", torch.version.cuda), ("cudnn", _cudnn())):
        if library is not None:
            found[name] = library
    return found


def _cudnn() -> str | None:
    return str(torch.backends.cudnn.version()) if torch.version.cuda else None


def _plugins(cell: Cell, registry: Registry) -> dict[str, str]:
    """The distributions whose components the cell uses, with their versions."""
    found: dict[str, str] = {}
    for kind, reference in _references(cell):
        with suppress(ZsgError):  # it is gone, which is the cell's failure to tell
            entry = registry.entry(kind, reference)
            found[entry.distribution] = entry.version
    return dict(sorted(found.items()))


def _references(cell: Cell) -> Iterator[tuple[Kind, Reference]]:
    arrangement = parse_pipeline(cell.arrangement)
    yield "dataset", parse_pipeline(cell.dataset).head
    yield "arrangement", arrangement.head
    yield from (("transform", transform) for transform in arrangement.transforms)
    if cell.embedder is not None:
        embedder = parse_pipeline(cell.embedder)
        yield "embedder", embedder.head
        yield from (("vector-transform", transform) for transform in embedder.transforms)
    yield from (("metric", parse_pipeline(metric).head) for metric in cell.metrics)


@cache
def _machine() -> dict[str, Any]:
    memory = round(psutil.virtual_memory().total / 2**30, 1)
    return {"cpu": _cpu_model(), "cores": cores(), "logical_cores": os.cpu_count(), "memory_gib": memory}


def _cpu_model() -> str:
    """The CPU's name, and the instructions that torch uses of it."""
    with suppress(OSError):
        found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
        if found:
            return f"{' '.join(found[1].split())} ({torch.backends.cpu.get_cpu_capability()})"
    return f"{platform.processor() or platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"


@cache
def _gpus() -> dict[str, Any]:
    """The GPUs that the cell's processes may use."""
    if not torch.cuda.is_available():
        return {}
    gpus = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return {
        "gpus": len(gpus),
        "gpu": " + ".join(dict.fromkeys(gpu.name for gpu in gpus)),
        "gpu_memory_gib": round(min(gpu.total_memory for gpu in gpus) / 2**30, 1),
    }


def _apart(table: BaseModel, given: Iterable[str]) -> dict[str, Any]:
    """Settings that somebody chose, and those that were left at their defaults."""
    settings = table.model_dump(mode="json")
    chosen = set(given)
    return {
        "given": {name: value for name, value in settings.items() if name in chosen},
        "defaulted": {name: value for name, value in settings.items() if name not in chosen},
    }
