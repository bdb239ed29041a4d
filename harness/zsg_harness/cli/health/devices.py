"""What models can run on: devices, number types, memory, kernels for attention."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from zsg_harness.cli.health.finding import Finding
from zsg_harness.cli.health.packages import installed
from zsg_harness.executors.slots import cores

_GIBIBYTE: Final = 2**30
_AMPERE: Final = (8, 0)
"""The first GPUs that flash attention's kernels are for."""


def examine_devices() -> Iterator[Finding]:
    """The CPU and the GPUs."""
    try:
        import torch
    except Exception as error:
        reason = f"torch cannot be imported: {type(error).__name__}: {error}"
        yield Finding("devices", "problem", reason, "pip install --force-reinstall torch")
        return
    capability = torch.backends.cpu.get_cpu_capability()
    yield Finding("cpu", "ok", f"{cores()} cores, {capability}, bfloat16 {_cpu_bfloat16()}")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / _GIBIBYTE
    yield Finding("memory", "ok", f"{memory:.1f} GiB")
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        native = "native" if torch.cuda.is_bf16_supported(including_emulation=False) else "emulated (slow)"
        memory = properties.total_memory / _GIBIBYTE
        yield Finding(f"cuda:{number}", "ok", f"{properties.name}, {memory:.0f} GiB, bfloat16 {native}")
    if not torch.cuda.is_available():
        yield from _unused_gpu(torch)
    yield _attention(torch)


def _cpu_bfloat16() -> str:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    return "native" if re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", flags) else "emulated (slow)"


def _unused_gpu(torch: Any) -> Iterator[Finding]:
    """A GPU that is there and that torch cannot use."""
    if not Path("/proc/driver/nvidia/version").exists() and shutil.which("nvidia-smi") is None:
        return
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and not hidden.strip("-1 "):
        yield Finding("gpu", "warning", "CUDA_VISIBLE_DEVICES hides the GPU", "unset CUDA_VISIBLE_DEVICES")
    elif torch.version.cuda is None:
        detail = f"there is an NVIDIA driver, and torch {torch.__version__} was built without CUDA"
        yield Finding("gpu", "warning", detail, "pip install --force-reinstall torch")
    else:
        detail = f"there is an NVIDIA driver, and torch {torch.__version__} (CUDA {torch.version.cuda}) finds no GPU"
        yield Finding("gpu", "warning", detail, "nvidia-smi")


def _attention(torch: Any) -> Finding:
    """Whether there are fast kernels for what `models/attention.py` asks for."""
    package = installed("flash-attn")
    also = f"; flash-attn {package}" if package else "; flash-attn not installed (flash_attention_2 alone needs it)"
    if not torch.cuda.is_available():
        return Finding("attention", "ok", "torch's own kernels; flash attention is for GPUs")
    old = [
        name
        for number in range(torch.cuda.device_count())
        if torch.cuda.get_device_capability(number) < _AMPERE
        for name in [torch.cuda.get_device_name(number)]
    ]
    if old:
        return Finding("attention", "warning", f"{old[0]} is too old for flash attention", 'dtype = "float32"')
    if not torch.backends.cuda.is_flash_attention_available():
        detail = f"torch {torch.__version__} was built without flash attention"
        return Finding("attention", "warning", detail, "pip install --force-reinstall torch")
    if find_spec("torch.nn.attention.varlen") is None:
        detail = f"torch {torch.__version__} has no kernel for packed sequences: bfloat16 on GPUs needs it"
        return Finding("attention", "warning", detail, "pip install --upgrade torch")
    return Finding("attention", "ok", f"torch's flash attention, for packed sequences too{also}")
