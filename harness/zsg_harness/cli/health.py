"""What `doctor` looks at: one finding for each thing that a run depends on."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final, Literal, NamedTuple

_DISTRIBUTION: Final = "zsg-harness"
_REQUIREMENT: Final = re.compile(r"(?P<name>[\w.-]+).*?(?:extra == ['\"](?P<extra>\w+)['\"])?$")
_FOR_USERS: Final = ("bits", "gcs", "offline", "peft", "ray", "s3", "tracking", "transport", "trl")
_GIBIBYTE: Final = 2**30
_LITTLE_DISK: Final = 2 * _GIBIBYTE


class Finding(NamedTuple):
    """One thing.

    Attributes:
        what: Its name.
        state: `warning` narrows what can be run; with a `problem` nothing can.
        detail: What was found, and what mends it.
    """

    what: str
    state: Literal["ok", "warning", "problem"]
    detail: str


def examine(store: str, *, ask_hub: bool) -> list[Finding]:
    """Look at everything.

    Args:
        store: Where results would go.
        ask_hub: Use the network to see whether the hub answers.
    """
    return [
        Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}"),
        *_packages(),
        *_devices(),
        Finding("memory", "ok", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / _GIBIBYTE:.1f} GiB"),
        _disk(store),
        _hub(ask_hub),
        *_extras(),
        *_plugins(),
    ]


def _requirements() -> Iterator[tuple[str, str | None]]:
    """What the distribution asks for: a package, and the extra that it belongs to if any."""
    for line in requires(_DISTRIBUTION) or ():
        match = _REQUIREMENT.fullmatch(line)
        if match is not None:
            yield match["name"], match["extra"]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _packages() -> Iterator[Finding]:
    yield Finding(_DISTRIBUTION, "ok", version(_DISTRIBUTION))
    for package, extra in _requirements():
        if extra is None:
            found = _version(package)
            missing = f"missing: pip install --force-reinstall {_DISTRIBUTION}"
            yield Finding(package, "problem" if found is None else "ok", found or missing)


def _devices() -> Iterator[Finding]:
    try:
        import torch
    except Exception as error:
        yield Finding("devices", "problem", f"torch cannot be imported: {type(error).__name__}: {error}")
        return
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    capability = torch.backends.cpu.get_cpu_capability()
    yield Finding("cpu", "ok", f"{cores} cores, {capability}, bfloat16 {_cpu_bfloat16()}")
    for number in range(torch.cuda.device_count()):
        properties = torch.cuda.get_device_properties(number)
        native = "native" if torch.cuda.is_bf16_supported(including_emulation=False) else "emulated (slow)"
        memory = properties.total_memory / _GIBIBYTE
        yield Finding(f"cuda:{number}", "ok", f"{properties.name}, {memory:.0f} GiB, bfloat16 {native}")


def _cpu_bfloat16() -> str:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return "unknown"
    return "native" if re.search(r"\b(avx512_bf16|amx_bf16|bf16)\b", flags) else "emulated (slow)"


def _disk(store: str) -> Finding:
    place = (Path("~/.cache").expanduser() if "://" in store else Path(store)).absolute()
    folder = next(path for path in (place, *place.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free / _GIBIBYTE:.1f} GiB free for {store}"
    if not os.access(folder, os.W_OK):
        return Finding("disk", "warning", f"{folder} cannot be written: choose another --store")
    return Finding("disk", "ok" if free > _LITTLE_DISK else "warning", detail)


def _hub(ask: bool) -> Finding:
    from huggingface_hub import constants, get_session

    if constants.HF_HUB_OFFLINE:
        return Finding("hub", "ok", "offline (HF_HUB_OFFLINE is set): bundled, local and cached models only")
    if not ask:
        return Finding("hub", "ok", "not asked (doctor --hub does)")
    try:
        get_session().head(constants.ENDPOINT, timeout=10)
    except Exception as error:  # whatever the network or a proxy raises, the hub is out of reach
        return Finding("hub", "warning", f"{constants.ENDPOINT} cannot be reached: {type(error).__name__}: {error}")
    return Finding("hub", "ok", f"{constants.ENDPOINT} answers")


def _extras() -> Iterator[Finding]:
    members: dict[str, list[str]] = {}
    for package, extra in _requirements():
        if extra in _FOR_USERS:
            members.setdefault(extra, []).append(package)
    for extra, packages in sorted(members.items()):
        missing = [package for package in packages if _version(package) is None]
        if missing:
            mend = f"pip install '{_DISTRIBUTION}[{extra}]'"
            yield Finding(f"extra {extra}", "warning", f"{', '.join(missing)} not installed: {mend}")
        else:
            yield Finding(f"extra {extra}", "ok", ", ".join(f"{name} {_version(name)}" for name in packages))


def _plugins() -> Iterator[Finding]:
    from zsg_harness.cli.plugins import broken_plugins
    from zsg_registry import Registry

    registry = Registry()
    broken = list(broken_plugins(registry))
    for plugin in broken:
        where = f"{plugin['kind']} {plugin['name']!r} of {plugin['distribution']} {plugin['version']}"
        yield Finding("plugin", "warning", f"{where} is broken: {plugin['summary']}")
    yield Finding("plugins", "ok", f"{len(registry.entries) - len(broken)} can be loaded")
