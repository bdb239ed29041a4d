"""`plugins new`: what it writes is a whole distribution, and passes every check that it comes with, unchanged."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from zsg_harness.cli import main
from zsg_harness.scaffold.distribution import files
from zsg_harness.scaffold.names import PLUGIN_KINDS, names

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A new plugin of every kind."""
    folder = tmp_path_factory.mktemp("new")
    for kind in PLUGIN_KINDS:
        assert main(["plugins", "new", kind, f"my-{kind}", "--in", str(folder)]) == 0
    return sorted(folder.iterdir())


@pytest.fixture(scope="module")
def installed(written: list[Path], install: Callable[..., Path]) -> Path:
    return install(*written)


def run(command: Sequence[object], folder: Path, *on_path: Path) -> subprocess.CompletedProcess[str]:
    places = os.pathsep.join([*map(str, on_path), os.environ.get("PYTHONPATH", "")])
    return subprocess.run(
        [sys.executable, "-m", *map(str, command)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": places, "MYPYPATH": places, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_it_is_a_whole_distribution(written: list[Path]) -> None:
    for folder in written:
        project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
        assert project["name"] == folder.name
        ((name, place),) = next(iter(project["entry-points"].values())).items()
        package, _, class_name = place.partition(":")
        assert f"zsg-{name}" == folder.name
        assert f"class {class_name}" in (folder / package / "__init__.py").read_text()
        assert "plugins check" in (folder / ".github" / "workflows" / "ci.yml").read_text()
        assert "MIT License" in (folder / "LICENSE").read_text()
        assert "](badge.svg)" in (folder / "README.md").read_text()
        title = ElementTree.parse(folder / "badge.svg").getroot()[0].text
        assert str(title).startswith(f"{name}: ")
        assert (folder / package / "py.typed").exists()


def test_it_is_clean_whatever_it_is_called(written: list[Path], tmp_path: Path) -> None:
    for kind in PLUGIN_KINDS:
        contents = files(names(kind, "x" + "-longest" * 4 + "-name23"), "S" * 100, "A" * 100)
        for path, content in contents.items():
            (tmp_path / kind / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / kind / path).write_text(content)
    for command in (["ruff", "format", "--check"], ["ruff", "check"]):
        done = run([*command, *written, tmp_path], tmp_path)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.types
def test_its_types_are_right(written: list[Path]) -> None:
    paths = [path for folder in written for path in (folder / folder.name.replace("-", "_"), folder / "tests")]
    # With this project's settings, which are stricter than the plugin's own, and with what it knows of libraries.
    done = run(["mypy", *paths], ROOT, *written)
    assert done.returncode == 0, done.stdout + done.stderr


def test_it_passes_its_own_tests(written: list[Path], installed: Path, tmp_path: Path) -> None:
    suites = [folder / "tests" for folder in written]
    done = run(["pytest", "-q", "-p", "no:cacheprovider", *suites], tmp_path, installed)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", ["dataset", "hooks"])
def test_it_passes_plugins_check(kind: str, installed: Path, tmp_path: Path) -> None:
    done = run(["zsg_harness", "plugins", "check", f"zsg-my-{kind}"], tmp_path, installed)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout.splitlines()[-1]


def test_nothing_is_overwritten(zsg: Callable[..., Any], tmp_path: Path) -> None:
    folder = tmp_path / "zsg-easy-first"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    refused = zsg("plugins", "new", "arrangement", "easy-first")
    assert refused.code == 2
    assert "zsg-easy-first exists, and is left as it is" in refused.err
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["arangement", "x"], "did you mean 'arrangement'?"),
        (["arrangement", "tma"], "is there already"),
        (["arrangement", "Bad Name"], "such as 'bad-name'"),
        (["arrangement", "x", "--summary", 'Says "hello"'], "the summary must be one line"),
        (["arrangement", "x", "--author", "two\nlines"], "the author must be one line"),
        (["arrangement", "x", "--in", "nowhere"], "'nowhere' does not exist"),
        (["arrangement"], "missing argument NAME"),
        ([], "missing argument KIND"),
    ],
)
def test_what_cannot_be_is_refused_in_a_line(
    zsg: Callable[..., Any], tmp_path: Path, arguments: list[str], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", open(os.devnull))  # noqa: PTH123, SIM115
    refused = zsg("plugins", "new", *arguments)
    assert refused.code == 2
    assert reason in refused.err
    assert len(refused.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_json_says_what_was_written(zsg: Callable[..., Any], tmp_path: Path) -> None:
    result = zsg("plugins", "new", "metric", "closeness", "--summary", "How close it is", "--author", "N. N.", "--json")
    assert result.json["folder"] == "zsg-closeness"
    assert {"pyproject.toml", "zsg_closeness/__init__.py"} <= set(result.json["files"])
    assert all((tmp_path / "zsg-closeness" / file).is_file() for file in result.json["files"])
    assert '"""How close it is.' in (tmp_path / "zsg-closeness" / "zsg_closeness" / "__init__.py").read_text()
    assert "N. N." in (tmp_path / "zsg-closeness" / "LICENSE").read_text()


def test_on_a_terminal_it_asks(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "zsg_harness", "plugins", "new"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(ours, b"metrik\nmetric\nBad Name\ncloseness\nHow close it is.\n\n")
    out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, err
    assert out == "zsg-closeness\n"
    assert "did you mean 'metric'?" in err
    assert "such as 'bad-name'" in err
    assert "The authors of zsg-closeness" in (tmp_path / "zsg-closeness" / "LICENSE").read_text()
    assert '"""How close it is.' in (tmp_path / "zsg-closeness" / "zsg_closeness" / "__init__.py").read_text()
