"""What `doctor` looks at: one finding for each thing that a run depends on."""

from __future__ import annotations

import platform

from zsg_harness.cli.health.devices import examine_devices
from zsg_harness.cli.health.finding import Finding
from zsg_harness.cli.health.packages import examine_extras, examine_packages, examine_plugins
from zsg_harness.cli.health.places import examine_hub, examine_store
from zsg_harness.cli.health.threads import examine_threads

__all__ = ["Finding", "examine"]


def examine(place: str, *, workers: int | None, ask_hub: bool) -> list[Finding]:
    """Look at everything.

    Args:
        place: Where results would go.
        workers: How many cells would run side by side; by default one for each device.
        ask_hub: Use the network to see whether the hub answers.
    """
    return [
        Finding("python", "ok", f"{platform.python_version()} on {platform.platform()}"),
        *examine_packages(),
        *examine_devices(),
        *examine_threads(workers),
        *examine_store(place),
        examine_hub(ask_hub),
        *examine_extras(),
        *examine_plugins(),
    ]
