"""How devices and cores are divided among cells."""

from __future__ import annotations

import pytest
import torch

from zsg_harness.executors import slots
from zsg_harness.executors.slots import Slot, make_slots
from zsg_harness.matrix.schema import RunTable
from zsg_registry import ZsgError


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "cores", lambda: 8)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


def gpus(monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    """Let torch say that there are some GPUs: no test machine has several."""
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ({"devices": "cpu"}, [("", 8)]),
        ({"devices": "cpu", "workers": 3}, [("", 2)] * 3),
        ({"devices": "cpu", "per_device": 2, "processes_per_cell": 4}, [("", 4)] * 2),
        ({}, [("0", 2), ("1", 2), ("2", 2), ("3", 2)]),
        ({"per_device": 2}, [(str(number % 4), 1) for number in range(8)]),
        ({"devices": "0, 2"}, [("0", 4), ("2", 4)]),
        ({"processes_per_cell": 2}, [("0,1", 4), ("2,3", 4)]),
        ({"processes_per_cell": 3}, [("0,1,2", 8)]),
        ({"workers": 2}, [("0", 4), ("1", 4)]),
        ({"workers": 6}, [(str(number % 4), 1) for number in range(6)]),
    ],
)
def test_slots(run: dict[str, object], expected: list[tuple[str, int]], monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 4)
    made = make_slots(RunTable.model_validate(run))
    assert made == [Slot(number, *slot) for number, slot in enumerate(expected)]


def test_gpus_are_counted_among_those_that_this_process_may_see(monkeypatch: pytest.MonkeyPatch) -> None:
    gpus(monkeypatch, 2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    assert [slot.gpus for slot in make_slots(RunTable())] == ["5", "7"]
    assert [slot.gpus for slot in make_slots(RunTable(devices="1"))] == ["7"]


def test_few_cells_make_few_workers_with_as_many_threads_as_ever() -> None:
    assert make_slots(RunTable(devices="cpu", workers=4), cells=1) == [Slot(0, "", 2)]


@pytest.mark.parametrize(
    ("count", "run", "complaint"),
    [
        (2, {"devices": "0,2"}, "no device '2' (GPUs 0 to 1 here; 'auto' and 'cpu' always work)"),
        (0, {"devices": "0"}, "no device '0' (no GPU here; 'auto' and 'cpu' always work)"),
        (2, {"processes_per_cell": 4}, "processes_per_cell = 4 needs as many GPUs, and there are 2 to use"),
    ],
)
def test_devices_that_are_not_there(
    count: int, run: dict[str, object], complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gpus(monkeypatch, count)
    with pytest.raises(ZsgError) as caught:
        make_slots(RunTable.model_validate(run))
    assert complaint in str(caught.value)
