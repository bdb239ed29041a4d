"""What whoever watches a run hears of cells that are handed out, tried again, or left to another run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from zsg_harness.cells.outcome import Outcome
from zsg_harness.cells.progress import Progress
from zsg_harness.executors.work import Work
from zsg_harness.listener import Listener
from zsg_harness.store.leases import Leases
from zsg_harness.store.store import Store


class Heard(Listener):
    """Keeps what it hears."""

    def __init__(self) -> None:
        self.said: list[tuple[Any, ...]] = []

    def progressed(self, progress: Progress) -> None:
        self.said.append((progress.stage, progress.cell_id))

    def retried(self, outcome: Outcome) -> None:
        self.said.append(("retried", outcome.cell_id, outcome.reason))

    def elsewhere(self, count: int) -> None:
        self.said.append(("elsewhere", count))


def cells(names: str) -> Sequence[Any]:
    return [SimpleNamespace(cell_id=name) for name in names]


def test_it_is_told_of_beginnings_retries_and_other_runs(tmp_path: Path) -> None:
    store, heard = Store(tmp_path), Heard()
    with Leases(store.files) as ours, Leases(store.files) as theirs:
        assert theirs.take("a")
        work = Work(cells("ab"), store, ours, retries=1, listener=heard)
        assert work.next().cell_id == "b"
        assert work.ended(Outcome("b", "failed", "no luck", 1.0, {})) is False
        assert work.next().cell_id == "b"
        assert work.ended(Outcome("b", "finished", None, 1.0, {})) is True
        assert not work.over
        theirs.release("a")
        assert work.look_elsewhere() == []  # nobody has finished it: it is ours now
        assert work.next().cell_id == "a"
    assert heard.said == [
        ("elsewhere", 1),
        ("starting", "b"),
        ("retried", "b", "no luck"),
        ("starting", "b"),
        ("elsewhere", 0),
        ("starting", "a"),
    ]
