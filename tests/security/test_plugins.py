"""A plugin is code: which of it runs, and when. Each plugin here leaves a file behind as soon as it is imported."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENTRY_POINTS = """
[zsg_harness.arrangements]
{name} = zsg_{name}:Arranged
[zsg_harness.metrics]
{name} = zsg_{name}:Arranged
[zsg_harness.hooks]
{name} = zsg_{name}:Arranged
[zsg_harness.datasets]
{name} = zsg_{name}:Arranged
"""
CODE = 'import pathlib\npathlib.Path(__file__).with_name("imported_{name}").touch()\nclass Arranged: ...\n'


def install(site: Path, name: str) -> None:
    information = site / f"zsg_{name}-1.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: zsg-{name}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(ENTRY_POINTS.format(name=name))
    (site / f"zsg_{name}.py").write_text(CODE.format(name=name))


@pytest.fixture
def site(tmp_path: Path) -> Path:
    for name in ("wanted", "other"):
        install(tmp_path / "site", name)
    return tmp_path / "site"


def imported(site: Path, *arguments: str, allowed: str | None = None) -> set[str]:
    """The plugins whose code ran."""
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    known = {name: value for name, value in os.environ.items() if not name.startswith("ZSG_")}
    environment = known | {"PYTHONPATH": path} | ({} if allowed is None else {"ZSG_PLUGINS": allowed})
    done = subprocess.run(
        [sys.executable, "-m", "zsg_harness", *arguments], env=environment, cwd=site, capture_output=True, text=True
    )
    assert "Traceback" not in done.stderr, done.stderr
    return {path.name.removeprefix("imported_") for path in site.glob("imported_*")}


def test_a_listing_runs_no_plugins_code(site: Path) -> None:
    assert imported(site, "plugins", "list") == set()


def test_a_plan_runs_no_plugin_that_it_does_not_name(site: Path) -> None:
    assert imported(site, "plan", "-a", "random", "-d", "procedural", "--store", "s") == set()


@pytest.mark.parametrize("arguments", [("plugins", "list", "--load"), ("plan", "-a", "*", "--store", "s")])
def test_what_the_allow_list_leaves_out_is_never_imported(site: Path, arguments: tuple[str, ...]) -> None:
    assert imported(site, *arguments, allowed="zsg-wanted") == {"wanted"}


def test_nor_when_it_is_asked_for(site: Path) -> None:
    assert imported(site, "plan", "-a", "zsg-other:other", "--store", "s", allowed="") == set()
