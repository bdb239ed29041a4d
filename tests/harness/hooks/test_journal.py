"""The journal: what a run that was killed had yet to tell."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from zsg_harness.hooks.events import Story
from zsg_harness.hooks.journal import Journal, leftovers
from zsg_registry import hooks

KILLED = """
import os, signal, sys
from pathlib import Path
from zsg_harness.hooks.events import Story
from zsg_harness.hooks.journal import Journal
from zsg_registry import hooks

journal = Journal(Path(sys.argv[1]))
of = dict(labels={"arrangement": "tma"})
for cell in "abc":
    number = journal.told(
        Story("zsg_cell_started", hooks.CellStarted(event_id=f"started-{cell}", cell_id=cell, **of)), ["one", "two"]
    )
    journal.heard(number, "one")
    journal.heard(number, "two")
ended = hooks.CellFinished(event_id="finished-a", cell_id="a", seconds=1.5, scores={"loss": 0.5}, **of)
journal.heard(journal.told(Story("zsg_cell_finished", ended), ["one", "two"]), "one")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_run_left_is_found_once(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    (journal,) = tmp_path.glob("*.jsonl")
    with journal.open("ab") as file:
        file.write(b'{"told": 9, "to": ["one"], "hook')  # as it would be cut short
    (left,) = leftovers(tmp_path)
    (untold,) = left.untold
    assert untold.plugins == ["two"]
    assert untold.story == Story(
        "zsg_cell_finished",
        hooks.CellFinished(
            event_id="finished-a", cell_id="a", labels={"arrangement": "tma"}, seconds=1.5, scores={"loss": 0.5}
        ),
    )
    assert [started.cell_id for started in left.begun] == ["b", "c"]
    assert not list(leftovers(tmp_path))
    assert not list(tmp_path.iterdir())


def told(journal: Journal) -> int:
    return journal.told(Story("zsg_plan_created", hooks.PlanCreated(event_id="p", matrix="m", cells={})), ["one"])


def test_the_journal_of_a_run_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    number = told(journal)
    assert not list(leftovers(tmp_path))
    journal.heard(number, "one")
    assert journal.close() is False
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "hooks").write_text("a file, where a folder should be")
    journal = Journal(tmp_path / "hooks")
    told(journal)
    assert journal.close() is False
