"""What of a cluster's nodes one cell gets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from zsg_harness.matrix.schema import RunTable
from zsg_registry import ZsgError

Node = Mapping[str, float]
"""A node's resources, by Ray's names."""


@dataclass(frozen=True, slots=True)
class Share:
    """Cores and GPUs for one cell.

    Attributes:
        cpus: Cores; as many threads are used.
        gpus: GPUs, or a part of one.
    """

    cpus: int
    gpus: float = 0.0

    def fits(self, node: Node) -> int:
        """How many cells a node can run side by side."""
        by_cpus = node.get("CPU", 0.0) // self.cpus
        return int(min(by_cpus, node.get("GPU", 0.0) // self.gpus) if self.gpus else by_cpus)


def share_of(nodes: Sequence[Node], run: RunTable) -> Share:
    """A cell's share: its GPUs and the cores that go with them; without GPUs, a node's cores or a part of them.

    It is the same on every node and for the whole run, so that a cell that moves has as many threads as before.

    Args:
        nodes: Those of the cluster.
        run: `devices`, `per_device`, `processes_per_cell` and `workers`.

    Raises:
        ZsgError: No node has as many GPUs as a cell needs.
    """
    with_gpus = [node for node in nodes if node.get("GPU", 0.0) >= 1]
    if run.devices == "auto" and with_gpus:
        gpus = float(run.processes_per_cell) if run.processes_per_cell > 1 else 1.0 / run.per_device
        large = [node for node in with_gpus if node["GPU"] >= gpus]
        if not large:
            most = max(node["GPU"] for node in with_gpus)
            raise ZsgError(
                f"processes_per_cell = {run.processes_per_cell} needs as many GPUs in one node, and no node has more "
                f"than {most:g}"
            )
        return Share(max(1, min(int(node.get("CPU", 0.0) / node["GPU"] * gpus) for node in large)), gpus)
    cores = [int(node["CPU"]) for node in nodes if node.get("CPU", 0.0) >= 1] or [1]
    side_by_side = run.workers or len(cores) * run.per_device
    return Share(max(1, min(*cores, sum(cores) // side_by_side)))
