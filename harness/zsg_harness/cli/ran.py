"""How a cell was run, in a few lines: code, machine, settings, use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

_GIBIBYTE: Final = 2**30
_TOLD: Final = ("torch", "transformers", "tokenizers", "accelerate", "numpy", "cuda")
_SHORT: Final = 10


def ran(provenance: Mapping[str, Any], usage: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Lines of a name and a text. What an older version of this did not record is left out."""
    code = [_checkout(name, provenance[name]) for name in ("project", "harness") if name in provenance]
    yield "code", ", ".join(code)
    yield "plugins", _pairs(provenance.get("plugins", {}))
    packages = provenance.get("packages", {})
    told = {"python": provenance.get("python"), **{name: packages[name] for name in _TOLD if name in packages}}
    more = len(packages.keys() - told.keys())
    yield "versions", f"{_pairs(told)}{f' and {more} more (--json)' if more else ''}" if packages else ""
    yield "machine", _machine(provenance.get("hardware", {}))
    yield "ran on", _ran_on(provenance)
    for how in ("given", "defaulted"):
        arguments = provenance.get("arguments", {})
        yield (
            how,
            "; ".join(f"{table}: {_pairs(arguments[table][how])}" for table in arguments if arguments[table][how]),
        )
    yield "used", _used(usage)


def _checkout(name: str, checkout: Mapping[str, Any]) -> str:
    changed = " with changes" if checkout["dirty"] else ""
    return f"{name} at {checkout['commit'][:_SHORT]}{changed}"


def _machine(hardware: Mapping[str, Any]) -> str:
    if not hardware:
        return ""
    text = f"{hardware['cpu']}, {hardware['cores']} of {hardware['logical_cores']} cores, {hardware['memory_gib']} GiB"
    if "gpu" in hardware:
        text += f"; {hardware['gpus']} × {hardware['gpu']}, {hardware['gpu_memory_gib']} GiB"
    return text


def _ran_on(provenance: Mapping[str, Any]) -> str:
    if "dtype" not in provenance:
        return str(provenance.get("device", ""))
    device, processes, threads = (provenance[name] for name in ("device", "processes", "threads"))
    parts = [device, f"{processes} process{'es' * (processes > 1)}", f"{threads} thread{'s' * (threads > 1)}"]
    return ", ".join([*parts, f"weights {provenance['dtype']}", f"arithmetic {provenance['precision']}"])


def _used(usage: Mapping[str, Any]) -> str:
    parts = []
    for name, what in (("peak_memory_bytes", "of memory"), ("peak_gpu_memory_bytes", "of GPU memory")):
        if name in usage:
            parts.append(f"{usage[name] / _GIBIBYTE:.2f} GiB {what} at most")
    for name, what in (("cpu_joules", "CPU"), ("gpu_joules", "GPU")):
        if name in usage:
            parts.append(f"{usage[name] / 3600:.3g} Wh by the {what}")
    return ", ".join(parts)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items() if value is not None)
