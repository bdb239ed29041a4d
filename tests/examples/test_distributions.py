"""The example distributions as their users have them: wheels, installed, checked, and run on a matrix."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from subprocess import CompletedProcess
from zipfile import ZipFile

import pandas as pd
import pytest

from zsg_registry import API_VERSION
from zsg_registry.compatibility import SUPERSEDED

Python = Callable[..., "CompletedProcess[str]"]

EXAMPLES = Path(__file__).parents[2] / "examples"
EXPECTED = {
    ("arrangement", "readability", "zsg-readability-curriculum"),
    ("metric", "bits-per-byte", "zsg-bits-per-byte"),
    ("hooks", "bits-saved", "zsg-bits-per-byte"),
    ("hooks", "word-sent", "zsg-bits-per-byte"),
}
MATRIX = """
[matrix]
name = "examples"
models = [{{ use = "{model}", label = "tiny" }}]
datasets = [{{ use = "jsonl", path = "data.jsonl", unseen = ["t3"], label = "toy" }}]
arrangements = ["random", "readability", "readability[sample=true]"]
metrics = ["loss", "bits-per-byte"]
budgets = [6]

[data]
per_unseen_task = 2

[training]
max_length = 128

[run]
devices = "cpu"
workers = 1

[hooks.word-sent]
to = "${{WORD}}"
"""
IN_A_LATER_VERSION = """
import sys
from zsg_registry import compatibility
compatibility.API_VERSION = 2
compatibility.SUPERSEDED = {1: compatibility.Superseded("0.4", "0.6", "return an Order")}
from zsg_harness.cli import main
sys.exit(main(sys.argv[1:]))
"""


def test_the_wheels_hold_typed_packages_and_nothing_else(wheels: Sequence[Path]) -> None:
    for wheel in wheels:
        names = [name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name]
        assert {name.partition("/")[0] for name in names} == {wheel.name.partition("-")[0]}
        assert f"{wheel.name.partition('-')[0]}/py.typed" in names


def test_they_are_written_for_the_oldest_version_that_is_supported() -> None:
    """So that what is run here is what such plugins rely on: they move on when that version goes."""
    sources = [path.read_text() for path in EXAMPLES.glob("*/zsg_*/*.py")]
    written_for = {int(version) for source in sources for version in re.findall(r"api_version = (\d+)", source)}
    assert written_for == {min([API_VERSION, *SUPERSEDED])}


def test_they_are_listed_and_load(python: Python) -> None:
    done = python("-m", "zsg_harness", "plugins", "list", "--load", "--json")
    assert done.returncode == 0, done.stderr
    told = {(one["kind"], one["name"], one["distribution"]): one for one in json.loads(done.stdout)}
    assert told.keys() >= EXPECTED
    assert {told[key]["state"] for key in EXPECTED} == {"ok"}
    assert all(told[key]["summary"] for key in EXPECTED)
    assert "Deprecation" not in done.stderr


def test_both_run_on_a_matrix(python: Python, tiny: Path, tmp_path: Path) -> None:
    rows = [
        {"prompt": f"{'Notwithstanding ' * (n % 3)}say {task} {n}.", "completion": f"word {n}", "task": f"t{task}"}
        for task in range(4)
        for n in range(4)
    ]
    (tmp_path / "data.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "matrix.toml").write_text(MATRIX.format(model=tiny))
    word = tmp_path / "word.jsonl"
    run = ("-m", "zsg_harness", "run", "--matrix", "matrix.toml", "--store", "store", "--in-process")
    done = python(*run, WORD=str(word))
    assert done.returncode == 0, done.stderr
    table = pd.read_csv(tmp_path / "store" / "leaderboards" / "examples" / "leaderboard.csv").set_index("arrangement")
    assert set(table.index) == {"random", "readability", "readability[sample=true]"}
    assert (table["bits_per_byte"] > 0).all()
    expected = 100 * (1 - table["bits_per_byte"] / table["bits_per_byte"]["random"])
    assert table["bits saved, %"].tolist() == pytest.approx(expected.tolist())
    assert table["set_hash"]["random"] != table["set_hash"]["readability"]
    assert [json.loads(line)["text"] for line in word.read_text().splitlines()] == ["examples is done: 3 finished"]
    for path in (tmp_path / "store").rglob("*"):  # where word goes is in the environment, and not in the store
        assert path.is_dir() or str(word).encode() not in path.read_bytes()


@pytest.mark.parametrize("distribution", ["zsg-readability-curriculum", "zsg-bits-per-byte"])
def test_their_report_cards(python: Python, distribution: str) -> None:
    done = python("-m", "zsg_harness", "plugins", "check", distribution)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["readability-curriculum", "bits-per-byte"])
def test_their_own_tests_pass(python: Python, name: str) -> None:
    done = python("-m", "pytest", "-q", "-p", "no:cacheprovider", EXAMPLES / name)
    assert done.returncode == 0, done.stdout


def test_written_for_a_version_that_is_superseded_they_run_and_it_is_told_once(python: Python) -> None:
    done = python("-c", IN_A_LATER_VERSION, "plugins", "list", "--load", "--json")
    assert done.returncode == 0, done.stderr
    states = {(one["kind"], one["name"], one["distribution"]): one["state"] for one in json.loads(done.stdout)}
    assert {states[key] for key in EXPECTED} == {"ok"}
    told = [
        line for line in done.stderr.splitlines() if "arrangement Readability of zsg-readability-curriculum" in line
    ]
    assert len(told) == 1
    assert "deprecated since zsg-harness 0.4 and will be gone in 0.6: upgrade zsg-readability-curriculum" in told[0]
