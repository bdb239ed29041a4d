"""Reporting a cell to experiment trackers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from zsg_harness.plan.cell import Cell
from zsg_registry import ZsgError, did_you_mean

if TYPE_CHECKING:
    from accelerate import Accelerator


class Trackers:
    """What a cell reports to; without any, reporting does nothing."""

    def __init__(self, accelerator: Accelerator | None = None) -> None:
        self._accelerator = accelerator

    def log(self, values: Mapping[str, float], step: int) -> None:
        """Report numbers after a step."""
        if self._accelerator is not None:
            self._accelerator.log(dict(values), step=step)

    def end(self) -> None:
        """Say that the cell is through."""
        if self._accelerator is not None:
            self._accelerator.end_training()


def start_trackers(names: list[str], cell: Cell, folder: Path, on_cpu: bool) -> Trackers:
    """Start a run of each tracker, named for the cell.

    Args:
        names: Trackers, as accelerate calls them.
        cell: What is reported.
        folder: Where trackers that write files do so.
        on_cpu: Whether the cell is trained on a CPU.
    """
    if not names:
        return Trackers()
    from accelerate import Accelerator

    accelerator = Accelerator(cpu=on_cpu, log_with=list(names), project_dir=str(folder))
    settings = {name: str(value) for name, value in _facts(cell).items()}
    accelerator.init_trackers(cell.cell_id, config=settings)
    return Trackers(accelerator)


def check_trackers(names: list[str]) -> None:
    """See that trackers are known and installed.

    Raises:
        ZsgError: One is not.
    """
    if not names:
        return
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

    available = {str(tracker.value) for tracker in get_available_trackers()}
    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            raise ZsgError(f"unknown tracker {name!r}{did_you_mean(name, LOGGER_TYPE_TO_CLASS)}")
        if name not in available:
            raise ZsgError(f"tracker {name!r} is not installed: pip install {name}")


def _facts(cell: Cell) -> dict[str, Any]:
    return {
        **cell.labels.model_dump(),
        "seeds": ", ".join(cell.seed_names),
        **{f"training.{name}": value for name, value in cell.training.model_dump().items()},
    }
