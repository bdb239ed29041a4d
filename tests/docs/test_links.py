"""The link check finds what is wrong, and nothing else. (`make docs` runs it on the manual.)"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "manual" / "links.py"
GOOD = '<a href="b/two.html#here">x</a> <a href="#top">x</a> <a href="https://arxiv.org/abs/1">x</a> <h1 id="top">'


def check(site: Path) -> tuple[int, str]:
    done = subprocess.run([sys.executable, SCRIPT, site], capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / "one.html").write_text(GOOD)
    (tmp_path / "b" / "two.html").write_text('<p id="here"><a href="../one.html">x</a><img src="a%20b.svg">')
    (tmp_path / "b" / "a b.svg").write_text("<svg/>")
    return tmp_path


def test_a_good_site_has_no_fault(site: Path) -> None:
    assert check(site) == (0, f"{site}: every link leads somewhere\n")


@pytest.mark.parametrize(
    ("tag", "fault"),
    [
        ('<a href="three.html">', "there is no such file"),
        ('<a href="b/two.html#there">', "there is no such anchor"),
        ('<a href="#nowhere">', "there is no such anchor"),
        ('<img src="b/gone.svg">', "there is no such file"),
        ('<script src="https://cdn.example/x.js">', "it would be loaded from elsewhere"),
        ('<link rel="stylesheet" href="//fonts.example/x.css">', "it would be loaded from elsewhere"),
        ('<a href="htp://typo">', "its form is wrong"),
    ],
)
def test_each_kind_of_fault_is_told(site: Path, tag: str, fault: str) -> None:
    (site / "one.html").write_text(GOOD + tag)
    code, printed = check(site)
    assert code == 1
    (line,) = printed.splitlines()
    assert line.startswith("one.html: ")
    assert line.endswith(fault)
