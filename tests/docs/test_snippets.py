"""Every command and every snippet of the README and the manual does what the page says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from snippets import Sandbox, blocks

ROOT = Path(__file__).parents[2]
ELSEWHERE = {"reference", "notebooks"}
"""Folders of `docs` in which nothing is to be run, or which another test runs."""
PAGES = [
    ROOT / "README.md",
    *(page for page in sorted((ROOT / "docs").rglob("*.md")) if not ELSEWHERE & set(page.relative_to(ROOT).parts)),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_page_does_what_it_says(page: Path, sandbox: Callable[[str], Sandbox]) -> None:
    place = sandbox(page.read_text("utf-8"))
    for block in blocks(page):
        place.do(block)
